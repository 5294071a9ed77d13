#include "ingest/push/handler.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/push/authorization.hpp"
#include "ingest/push/exchange.hpp"
#include "ingest/push/webhook_handshake.hpp"
#include "ingest/text/ascii.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tally::ingest {

namespace {

constexpr std::string_view cdrs_path = "/v1/cdrs/";
constexpr std::string_view unknown_endpoint = "other";
constexpr unsigned retry_after_starting_s = 1;

/// Types under which no sender posts JSON. Every other body is judged by its bytes: real senders
/// put wrong types on good bodies, and curl's default is x-www-form-urlencoded.
constexpr std::string_view wrong_types[] = {
    "image/",   "audio/",          "video/",          "font/",           "multipart/", "text/html",
    "text/xml", "application/xml", "application/pdf", "application/zip", "text/csv",   "message/"};

bool starts_with_ignoring_case(std::string_view text, std::string_view start) noexcept {
    return text.size() >= start.size() && equal_ignoring_case(text.substr(0, start.size()), start);
}

/// CloudEvents have an HTTP protocol binding and a webhook profile as well.
bool takes_cloudevents(format const& in_format) noexcept {
    return in_format.kind == record_kind::event;
}

std::string_view allowed_methods(format const& in_format) noexcept {
    return takes_cloudevents(in_format) ? "POST, OPTIONS" : "POST";
}

std::string_view types_taken(format const& in_format) noexcept {
    return takes_cloudevents(in_format)
               ? "send application/cloudevents+json, application/cloudevents-batch+json, "
                 "application/json or application/x-ndjson, or ce-specversion and so on as fields"
               : "send application/json or application/x-ndjson";
}

/// Whether a body is an array or one record is seen from its bytes, whatever its type says.
bool takes_type(format const& in_format, http_head const& head) noexcept {
    std::string_view const type = head.field("Content-Type");
    if (takes_cloudevents(in_format)) {
        if (is_binary_event(head)) {
            return true; // Content-Type is the type of the data
        }
        if (starts_with_ignoring_case(type, "application/cloudevents")) {
            return starts_with_ignoring_case(type, "application/cloudevents-batch+json") ||
                   starts_with_ignoring_case(type, "application/cloudevents+json");
        }
    }
    return std::ranges::none_of(wrong_types, [&](std::string_view wrong) {
        return starts_with_ignoring_case(type, wrong);
    });
}

http_response with_endpoint(http_response response, std::string_view endpoint) {
    response.endpoint = endpoint;
    return response;
}

/// The reason in the head why the body is not read, whoever sent it. A switch is not refused for
/// its type or its query: it cannot correct them, and its call would be lost.
std::optional<http_response> head_obstacle(http_head const& head, format const& in_format) {
    std::string_view const type = head.field("Content-Type");
    if (in_format.sender == sender_kind::application && !takes_type(in_format, head)) {
        return problem(415, std::string{types_taken(in_format)} + ", not " + std::string{type});
    }

    // A coding that is not known cannot be undone, for a switch neither. RFC 9110 section 12.5.3:
    // the response names those that can.
    if (!parse_content_coding(head.field("Content-Encoding"))) {
        http_response response =
            problem(415, "this Content-Encoding is not understood; send one of " +
                             std::string{accepted_codings});
        response.fields.emplace_back("Accept-Encoding", accepted_codings);
        return response;
    }

    // A mistyped "commit" would silently get the weaker answer.
    std::string_view const ack = query_value(head.query, "ack");
    if (!ack.empty() && ack != "commit" && in_format.sender == sender_kind::application) {
        return problem(400, "ack can only be 'commit'");
    }
    return std::nullopt;
}

} // namespace

push_handler::push_handler(record_sink& sink, push_observer& observer, push_settings settings,
                           std::span<format const> formats)
    : sink_(sink), observer_(observer), settings_(settings) {
    for (format const& candidate : formats) {
        for (std::string_view const path : candidate.paths) {
            // A format has fewer paths than the table has room for.
            if (!path.empty()) {
                routes_.push_back({&candidate, path});
            }
        }
    }
}

push_handler::route const* push_handler::find_route(std::string_view path) const noexcept {
    auto const found = std::ranges::find(routes_, path, &route::endpoint);
    return found == routes_.end() ? nullptr : &*found;
}

http_response push_handler::no_such_route(std::string_view path) const {
    std::string detail = "there is no such endpoint; push records to";
    if (path.starts_with(cdrs_path)) {
        detail = "no format of this name is accepted by push; there are";
    }
    for (route const& known : routes_) {
        detail += ' ';
        detail += known.endpoint;
    }
    return problem(404, detail);
}

http_step push_handler::begin(http_head const& head) {
    route const* const found = find_route(head.path);
    if (found == nullptr) {
        return with_endpoint(no_such_route(head.path), unknown_endpoint);
    }

    // Named here, once, so that the metrics count every response by its route.
    http_step step = begin_at(*found, head);
    if (auto* response = std::get_if<http_response>(&step)) {
        response->endpoint = found->endpoint;
    }
    return step;
}

/// The checks of a head, from the cheapest to those that need the source.
http_step push_handler::begin_at(route const& endpoint, http_head const& head) {
    format const& in_format = *endpoint.in_format;
    bool const is_handshake = head.method == "OPTIONS" && takes_cloudevents(in_format);
    if (head.method != "POST" && !is_handshake) {
        return method_not_allowed(allowed_methods(in_format));
    }

    // Authorize before looking at the rest of the head.
    auto const sources = sink_.sources();
    if (!sources) { // not read from the database yet
        return unavailable("the daemon is starting", retry_after_starting_s);
    }
    auto owner = authorize_push(head, sources);
    if (auto* refusal = std::get_if<http_response>(&owner)) {
        return std::move(*refusal);
    }
    auto& sender = std::get<std::shared_ptr<source const>>(owner);

    // A source may be limited to some formats.
    if (!allows_format(*sender, in_format.name)) {
        return problem(403, "the source '" + sender->name + "' may not send the format " +
                                std::string{in_format.name});
    }

    // The handshake comes after the token: it tells a stranger nothing.
    if (is_handshake) {
        return webhook_handshake(head, allowed_methods(in_format));
    }
    if (auto obstacle = head_obstacle(head, in_format)) {
        return std::move(*obstacle);
    }
    return begin_push(endpoint, head, std::move(sender));
}

/// Copies from the head what the exchange needs after begin().
http_step push_handler::begin_push(route const& endpoint, http_head const& head,
                                   std::shared_ptr<source const> source) {
    push_order order;
    order.content_type = head.field("Content-Type");

    // The fields are read now: the head's views end with begin(), before the body is there.
    if (takes_cloudevents(*endpoint.in_format) && is_binary_event(head)) {
        if (auto const fault = read_binary_event(head, order.event.emplace())) {
            return problem(400, fault.detail, code(fault.error));
        }
        order.content_type = structured_event_type;
    }

    // The lower limit holds: the daemon's, or the source's.
    order.body_bytes_max = std::min(settings_.body_bytes_max, source->body_bytes_max);
    order.sender = std::move(source);
    order.in_format = endpoint.in_format;
    order.coding = *parse_content_coding(head.field("Content-Encoding"));
    order.wait_for_commit = query_value(head.query, "ack") == "commit";
    order.query = head.query;
    order.endpoint = endpoint.endpoint;
    return std::make_unique<push_exchange>(sink_, observer_, std::move(order));
}

} // namespace tally::ingest
