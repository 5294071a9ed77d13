#pragma once

#include "storage/postgres/result.hpp"

#include <string_view>

namespace tally::storage {

/// What an error report of the server means.
/// `table` and `constraint` are the report's own fields (empty when it has none).
failure classify(std::string_view sqlstate, std::string_view table,
                 std::string_view constraint) noexcept;

/// "stale": for metrics and logs. Static storage.
std::string_view name_of(failure why) noexcept;

/// Whether the session is of no use after this error, although the connection stands: a server
/// that has become a standby, or one whose prepared statements are gone or out of date.
bool wants_new_connection(std::string_view sqlstate) noexcept;

} // namespace tally::storage
