#include "ingest/push_handler.hpp"

#include "ingest/problem.hpp"
#include "ingest/push_authorization.hpp"
#include "ingest/push_exchange.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tally::ingest {

namespace {

constexpr std::string_view cdrs_path = "/v1/cdrs";
/// The format of cdrs_path itself.
constexpr std::string_view default_format = "canonical";
constexpr std::string_view unknown_endpoint = "other";
constexpr unsigned retry_after_starting_s = 1;

/// Types under which nobody sends JSON. Everything else is read and judged by its bytes: real
/// senders put wrong types on good bodies, and curl says x-www-form-urlencoded unless told.
constexpr std::string_view wrong_types[] = {
    "image/",   "audio/",          "video/",          "font/",           "multipart/", "text/html",
    "text/xml", "application/xml", "application/pdf", "application/zip", "text/csv",   "message/"};

bool starts_with_ignoring_case(std::string_view text, std::string_view start) noexcept {
    return text.size() >= start.size() && equal_ignoring_case(text.substr(0, start.size()), start);
}

http_response with_endpoint(http_response answer, std::string_view endpoint) {
    answer.endpoint = endpoint;
    return answer;
}

/// What of the head keeps its body from being read, whoever sent it.
std::optional<http_response> head_obstacle(http_head const& head, format const& in_format) {
    std::string_view const type = head.field("Content-Type");
    bool const is_wrong = std::ranges::any_of(wrong_types, [&](std::string_view wrong) {
        return starts_with_ignoring_case(type, wrong);
    });
    if (is_wrong && in_format.sender == sender_kind::application) {
        return problem(415,
                       "send application/json or application/x-ndjson, not " + std::string{type});
    }
    if (!parse_content_coding(head.field("Content-Encoding"))) {
        http_response answer =
            problem(415, "this Content-Encoding is not understood; send one of " +
                             std::string{accepted_codings});
        answer.fields.emplace_back("Accept-Encoding", accepted_codings);
        return answer;
    }
    std::string_view const ack = query_value(head.query, "ack");
    if (!ack.empty() && ack != "commit" && in_format.sender == sender_kind::application) {
        return problem(400, "ack can only be 'commit'");
    }
    return std::nullopt;
}

} // namespace

push_handler::push_handler(record_sink& sink, http_observer& observer, push_settings settings,
                           std::span<const format> formats)
    : sink_(sink), observer_(observer), settings_(settings) {
    for (format const& candidate : formats) {
        if (!candidate.by_push) {
            continue;
        }
        if (candidate.name == default_format) {
            routes_.push_back({&candidate, std::string{cdrs_path}});
        }
        routes_.push_back({&candidate, std::string{cdrs_path} + '/' + std::string{candidate.name}});
    }
}

push_handler::route const* push_handler::find_route(std::string_view path) const noexcept {
    auto const found = std::ranges::find(routes_, path, &route::endpoint);
    return found == routes_.end() ? nullptr : &*found;
}

http_response push_handler::no_such_route(std::string_view path) const {
    std::string detail = "there is nothing at this address; push records to";
    if (path.starts_with(cdrs_path)) {
        detail = "no format of this name is taken by push; there are";
    }
    for (route const& known : routes_) {
        detail += ' ' + known.endpoint;
    }
    return problem(404, detail);
}

http_step push_handler::begin(http_head const& head) {
    route const* const found = find_route(head.path);
    if (found == nullptr) {
        return with_endpoint(no_such_route(head.path), unknown_endpoint);
    }
    format const& in_format = *found->in_format;
    if (head.method != "POST") {
        return with_endpoint(method_not_allowed("POST"), found->endpoint);
    }
    auto const sources = sink_.sources();
    if (!sources) { // not read from the database yet
        return with_endpoint(unavailable("the daemon is starting", retry_after_starting_s),
                             found->endpoint);
    }
    auto whose = authorize_push(head, sources);
    if (auto* refusal = std::get_if<http_response>(&whose)) {
        return with_endpoint(std::move(*refusal), found->endpoint);
    }
    auto& from = std::get<std::shared_ptr<source const>>(whose);
    if (!allows_format(*from, in_format.name)) {
        return with_endpoint(problem(403, "the source '" + from->name +
                                              "' may not send the format " +
                                              std::string{in_format.name}),
                             found->endpoint);
    }
    if (auto obstacle = head_obstacle(head, in_format)) {
        return with_endpoint(std::move(*obstacle), found->endpoint);
    }
    push_order order;
    order.body_bytes_max = std::min(settings_.body_bytes_max, from->body_bytes_max);
    order.from = std::move(from);
    order.in_format = &in_format;
    order.coding = *parse_content_coding(head.field("Content-Encoding"));
    order.wait_for_commit = query_value(head.query, "ack") == "commit";
    order.content_type = head.field("Content-Type");
    order.query = head.query;
    order.endpoint = found->endpoint;
    return std::make_unique<push_exchange>(sink_, observer_, std::move(order));
}

} // namespace tally::ingest
