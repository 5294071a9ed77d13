#include "storage/postgres/socket_wait.hpp"

#include <libpq-fe.h>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace tally::storage {

int ms_left(std::chrono::steady_clock::time_point deadline) noexcept {
    // Not negative: poll() would take that for "forever".
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
                          deadline - std::chrono::steady_clock::now())
                          .count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
}

bool wait_for_socket(pg_conn* connection, bool write, int timeout_ms) noexcept {
    pollfd one{PQsocket(connection), static_cast<short>(write ? POLLOUT : POLLIN), 0};
    // After a signal the caller asks libpq again, which does no harm.
    int const ready = ::poll(&one, 1, timeout_ms);
    return ready > 0 || (ready < 0 && errno == EINTR);
}

} // namespace tally::storage
