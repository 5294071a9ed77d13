#pragma once

#include "storage/postgres/pq_connection.hpp"

#include <optional>
#include <string>

namespace tally::storage {

/// One transaction of plan_store. The destructor rolls back unless commit() was called.
class plan_transaction {
  public:
    plan_transaction(pq_connection& connection, char const* begin);
    ~plan_transaction();
    plan_transaction(plan_transaction const&) = delete;
    plan_transaction& operator=(plan_transaction const&) = delete;

    pq_rows query(std::string const& sql, parameters& values);
    pq_rows query(std::string const& sql);
    void commit();

  private:
    pq_connection& connection_;
    std::optional<pq_connection::pin> pin_; ///< no statement after BEGIN may run in a new session
    bool is_open_ = true;
};

} // namespace tally::storage
