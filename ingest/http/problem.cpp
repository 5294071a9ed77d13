#include "ingest/http/problem.hpp"

#include "ingest/json/writer.hpp"

#include <utility>

namespace tally::ingest {

std::string_view status_title(unsigned status) noexcept {
    static constexpr std::pair<unsigned, std::string_view> titles[] = {
        {200, "OK"},
        {202, "Accepted"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
    };

    // RFC 9457 section 4.2.1: with the type about:blank, the title is the status's own phrase.
    for (auto const& [code, title] : titles) {
        if (code == status) {
            return title;
        }
    }
    return "Error";
}

http_response json_response(unsigned status, std::string document) {
    http_response response;
    response.status = status;
    response.content_type = json_content_type;
    response.body = std::move(document);
    return response;
}

http_response problem(unsigned status, std::string_view detail, std::string_view code) {
    json_writer json;
    json.open('{').key("type").value("about:blank");
    json.key("title").value(status_title(status)).key("status").value(status);
    json.key("detail").value(detail);
    if (!code.empty()) {
        json.key("code").value(code);
    }
    json.close('}');
    http_response response = json_response(status, std::move(json).text());
    response.content_type = problem_content_type;
    return response;
}

http_response unavailable(std::string_view detail, unsigned retry_after_s) {
    // RFC 9110 section 15.6.4: the field tells when to try again.
    http_response response = problem(503, detail);
    response.fields.emplace_back("Retry-After", std::to_string(retry_after_s));
    return response;
}

http_response method_not_allowed(std::string_view allowed) {
    http_response response =
        problem(405, "this endpoint accepts " + std::string{allowed} + " only");
    response.fields.emplace_back("Allow", allowed);
    return response;
}

} // namespace tally::ingest
