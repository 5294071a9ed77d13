#pragma once

#include "tests/crash/load.hpp"
#include "tests/crash/reference.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::crash {

/// What the database holds, against what was sent. Kept over the rounds of a run, as the database
/// is: every round's records are looked at one by one, and all sums are of everything so far.
class verification {
  public:
    verification(std::string database, std::uint64_t seed)
        : database_{std::move(database)}, seed_{seed} {}

    /// Everything acknowledged is there once, nothing twice, nothing that was not sent; and cost,
    /// balances, usage and daily aggregates are what the reference makes of the stored calls. What
    /// is wrong, in words.
    std::vector<std::string> check(load const& sent);

    /// Only the sums: of all calls that `expected` holds.
    std::vector<std::string> check_totals(reference_totals const& expected);

    [[nodiscard]] reference_totals const& totals() const noexcept { return totals_; }
    [[nodiscard]] std::uint64_t stored() const noexcept { return stored_; } ///< by the last check

  private:
    struct sight { ///< of one record, in the database
        int calls = 0;
        int suspended = 0;
    };
    void look_at_calls(load const& sent, std::vector<sight>& seen);
    void look_at_suspense(load const& sent, std::vector<sight>& seen);
    void judge(load const& sent, std::vector<sight> const& seen);
    void compare_usage(reference_totals const& expected);
    void compare_days(reference_totals const& expected);
    void compare_balances(reference_totals const& expected);
    void compare_sums(reference_totals const& expected);
    void find(std::string what);

    std::string database_;
    std::uint64_t seed_;
    reference_totals totals_; ///< of the stored calls
    std::uint64_t suspended_ = 0;
    std::uint64_t stored_ = 0;
    std::vector<std::string> findings_;
};

} // namespace tally::crash
