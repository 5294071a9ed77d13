#pragma once

#include "ingest/base/record_error.hpp"

#include <string>
#include <string_view>

namespace tally::ingest {

/// RFC 8259 sets no limit; this one keeps readers' stacks bounded (PostgreSQL's jsonb too).
inline constexpr int json_depth_max = 64;

/// Appends one JSON value to `to` without insignificant blanks and so that jsonb takes it: \u0000
/// becomes \u2400, half a surrogate pair \ufffd, a number that numeric cannot hold a string. The
/// text is valid UTF-8. not_json or too_deep when it is no value; `to` is then to be thrown away.
record_error append_json_value(std::string_view text, std::string& to);

/// not_json or too_deep when brackets outside strings nest deeper than json_depth_max.
record_error check_json_depth(std::string_view text) noexcept;

} // namespace tally::ingest
