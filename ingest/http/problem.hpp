#pragma once

#include "ingest/http/message.hpp"

#include <string>
#include <string_view>

namespace tally::ingest {

inline constexpr std::string_view json_content_type = "application/json";
inline constexpr std::string_view problem_content_type = "application/problem+json";

/// Reason phrase of a status code that we send: "Not Found".
std::string_view status_title(unsigned status) noexcept;

/// A response whose body is that JSON document.
http_response json_response(unsigned status, std::string document);

/// An error response as problem details (RFC 9457): type about:blank, title, status, and a detail
/// that tells the sender what to do. `code` is the code of a record_error, if there is one.
http_response problem(unsigned status, std::string_view detail, std::string_view code = {});

/// 503 with Retry-After. Sending the same request again is always safe.
http_response unavailable(std::string_view detail, unsigned retry_after_s);

/// 405 with Allow.
http_response method_not_allowed(std::string_view allowed);

} // namespace tally::ingest
