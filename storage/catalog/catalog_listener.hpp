#pragma once

#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <string>

namespace tally::storage {

/// Hears when plans, rates, accounts, subscriptions, DIDs or sources change (NOTIFY tally_catalog).
/// One thread, but for cancel().
class catalog_listener {
  public:
    explicit catalog_listener(std::string connection_string);

    /// Waits until something changed or the time is up. A notification can be missed while there
    /// is no connection, so `changed` is also set whenever it was made anew, the first time
    /// included: load after each `true`, and no change is missed.
    result wait(int timeout_ms, bool& changed);

    /// Any thread: ends a wait, for good.
    void cancel() noexcept { connection_.cancel(); }

  private:
    pq_connection connection_;
    std::uint64_t listening_on_ = 0; ///< generation of the connection that LISTENs
};

} // namespace tally::storage
