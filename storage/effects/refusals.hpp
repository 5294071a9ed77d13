#pragma once

#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <string_view>

namespace tally::storage {

/// Effects that were refused in one transaction. Their events are taken back: what was stored of
/// them goes, and they wait in ingest.suspense, as events that could not be stored do. A retry
/// stores them again, and queues their effects. One thread.
class refusals {
  public:
    /// `verdict`: what the function of the database answered, "code: detail", as in
    /// "not_enough_credits: license X has 3 SMS left".
    void add(std::int64_t position, std::string_view verdict);
    [[nodiscard]] std::int64_t count() const noexcept { return count_; }

    /// Within the transaction that tried the effects, before their rows are deleted. A single one
    /// whose row is refused waits without its detail, and with the time of the transaction.
    result suspend(pq_connection& connection);

  private:
    result write(pq_connection& connection, bool is_bare);

    std::int64_t count_ = 0;
    array_parameter position_{wire::int8_oid}, reason_{wire::text_oid}, detail_{wire::text_oid};
};

} // namespace tally::storage
