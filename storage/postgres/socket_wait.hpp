#pragma once

#include <chrono>

struct pg_conn;

namespace tally::storage {

/// Milliseconds until the deadline, 0 if it has passed.
int ms_left(std::chrono::steady_clock::time_point deadline) noexcept;

/// Waits until a connection's socket is ready for reading or writing; false on timeout. A signal
/// ends the wait early with true.
bool wait_for_socket(pg_conn* connection, bool write, int timeout_ms) noexcept;

} // namespace tally::storage
