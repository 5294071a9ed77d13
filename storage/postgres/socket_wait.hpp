#pragma once

#include <chrono>

struct pg_conn;

namespace tally::storage {

/// Milliseconds until then, 0 when it is past.
int ms_left(std::chrono::steady_clock::time_point deadline) noexcept;

/// True when a connection's socket is ready for reading or writing; false when the time is up.
bool wait_for_socket(pg_conn* connection, bool write, int timeout_ms) noexcept;

} // namespace tally::storage
