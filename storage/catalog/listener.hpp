#pragma once

#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <string>

namespace tally::storage {

/// Waits for changes of plans, rates, accounts, subscriptions, DIDs or sources (NOTIFY
/// tally_catalog). One thread, except cancel().
class catalog_listener {
  public:
    explicit catalog_listener(std::string connection_string);

    /// Waits for a change or the timeout; true: something has changed. Notifications are lost while
    /// there is no connection, so it is also true after each new connection, including the first. A
    /// caller that loads after each `true` misses no change.
    expected<bool> wait(int timeout_ms);

    /// Any thread: ends a wait and makes all later ones fail.
    void cancel() noexcept { connection_.cancel(); }

  private:
    pq_connection connection_;
    std::uint64_t listening_on_ = 0; ///< generation of the connection that executed LISTEN
};

} // namespace tally::storage
