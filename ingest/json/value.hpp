#pragma once

#include "ingest/base/record_error.hpp"

#include <string>
#include <string_view>

namespace tally::ingest {

/// RFC 8259 sets no limit; this one bounds the stack of the readers (and of PostgreSQL's jsonb).
inline constexpr int json_depth_max = 64;

/// Appends one JSON value to `out`, without insignificant blanks and in a form that jsonb accepts:
/// \u0000 becomes \u2400, half a surrogate pair \ufffd, a number that numeric cannot hold a string.
/// `text` is valid UTF-8. not_json or too_deep if it is not a value; the content of `out` is then
/// undefined.
record_error append_json_value(std::string_view text, std::string& out);

/// too_deep if brackets outside strings nest deeper than json_depth_max, else none.
record_error check_json_depth(std::string_view text) noexcept;

} // namespace tally::ingest
