#pragma once

#include "rating/plan/difference.hpp"
#include "storage/plans/store.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <optional>
#include <string>
#include <string_view>

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

/// The plan of that code with all its versions, even a deleted one; nullopt if there is none.
std::optional<rating::stored_plan> read_stored_plan(plan_transaction& transaction,
                                                    std::string_view code);

/// Writes the changes of a difference to the plan `id`. write_plan_head() leaves out the fallback:
/// see write_fallback().
void write_plan_head(plan_transaction& transaction, rating::plan_definition const& plan,
                     ingest::uuid const& id, rating::plan_difference const& changes);
void write_fallback(plan_transaction& transaction, rating::plan_definition const& plan,
                    ingest::uuid const& id);
void write_plan_content(plan_transaction& transaction, ingest::uuid const& id,
                        std::vector<ingest::uuid> band_ids, rating::plan_difference const& changes);

} // namespace tally::storage
