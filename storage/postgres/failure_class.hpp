#pragma once

#include "storage/postgres/result.hpp"

#include <string_view>

namespace tally::storage {

/// The class of a server's error report. `table` and `constraint` are fields of the report, empty
/// if it has none. An empty `sqlstate` is an error of the connection.
failure classify(std::string_view sqlstate, std::string_view table,
                 std::string_view constraint) noexcept;

/// The name for metrics and logs, such as "stale". Static storage.
std::string_view name_of(failure reason) noexcept;

/// Whether a failure says that there is no session, rather than that the database refuses a
/// request: no connection, shutdown, start, no such login or database, a standby, too many
/// connections.
bool is_without_session(result const& failed) noexcept;

/// Whether the session is of no use after this error although it is still connected: the server
/// has become a standby, or the prepared statements are gone or out of date.
bool wants_new_connection(std::string_view sqlstate) noexcept;

} // namespace tally::storage
