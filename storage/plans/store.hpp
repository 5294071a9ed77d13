#pragma once

#include "rating/plan/difference.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// A plan in a list.
struct plan_summary {
    std::string code;
    std::string name;
    std::string currency;
    std::string monthly_price;
    std::int64_t rates = 0; ///< in effect or planned
    std::int64_t metrics = 0;
    std::int64_t subscriptions = 0;
    bool is_active = true;

    friend bool operator==(plan_summary const&, plan_summary const&) = default;
};

/// A plan to be applied. A new plan gets `id`, or a random one if that is nil.
struct plan_to_apply {
    rating::plan_definition plan;
    ingest::uuid id;
};

enum class apply_mode : std::uint8_t {
    commit,
    dry_run, ///< execute all statements, then roll back: shows what the database would refuse
};

/// Plans in the database. Each call is one transaction on the connection. One thread. All functions
/// throw command_error if the plans break a rule, or database_error; then nothing was changed.
class plan_store {
  public:
    explicit plan_store(pq_connection& connection) : connection_(connection) {}

    /// All plans by code, except deleted ones.
    std::vector<plan_summary> list();
    /// The plan as a plan file has it; nullopt if there is no such plan or it is deleted.
    std::optional<rating::plan_definition> find(std::string_view code);
    /// What apply() would change, by plan. Only reads.
    std::vector<rating::plan_difference> compare(std::span<plan_to_apply const> plans);
    /// Changes the database to match the plans, all of them or none. Running daemons are notified
    /// at the commit and load all changes at once. One apply() at a time: others wait.
    std::vector<rating::plan_difference> apply(std::span<plan_to_apply const> plans,
                                               apply_mode mode);

  private:
    pq_connection& connection_;
};

} // namespace tally::storage
