#pragma once

#include "rating/plan/plan_difference.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace tally::storage {

/// Why plans could not be read or applied: what the database said, or what about the plans forbids
/// it. Nothing was changed.
class plan_store_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A plan as a list shows it.
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

/// A plan to be applied. One that is not there yet gets `id`, or a new one when that is nil.
struct plan_to_apply {
    rating::plan_definition plan;
    ingest::uuid id;
};

enum class apply_mode : std::uint8_t {
    commit,
    dry_run, ///< all statements are executed, then rolled back: what the database refuses is found
};

/// Plans in the database. Each call is one transaction on the connection, which is used by one
/// thread; all throw plan_store_error.
class plan_store {
  public:
    explicit plan_store(pq_connection& on) : on_(on) {}

    /// By code; deleted ones are left out.
    std::vector<plan_summary> list();
    /// What a plan file of it holds; nullopt when there is no such plan, or it is deleted.
    std::optional<rating::plan_definition> find(std::string_view code);
    /// What apply() would change, by plan; reads only.
    std::vector<rating::plan_difference> compare(std::span<plan_to_apply const> plans);
    /// Makes the database say what the plans say, all of them or none. Running daemons hear of it
    /// at the commit and take all of it up at once. One at a time: others wait.
    std::vector<rating::plan_difference> apply(std::span<plan_to_apply const> plans,
                                               apply_mode mode);

  private:
    pq_connection& on_;
};

} // namespace tally::storage
