#pragma once

#include "tests/crash/load.hpp"
#include "tests/crash/reference.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::crash {

/// Compares the database with what was sent. Like the database, it is kept over all rounds of a
/// run: the records of each round are checked one by one, and the sums are over all rounds so far.
class verification {
  public:
    verification(std::string database, std::uint64_t seed)
        : database_{std::move(database)}, seed_{seed} {}

    /// Checks that each acknowledged record is stored once, none twice, and none that was not sent;
    /// and that cost, balances, usage and daily aggregates are those that the reference computes
    /// from the stored calls. Returns the errors as text.
    std::vector<std::string> check(load const& sent);

    /// Checks only the sums, for all calls in `expected`.
    std::vector<std::string> check_totals(reference_totals const& expected);

    [[nodiscard]] reference_totals const& totals() const noexcept { return totals_; }
    [[nodiscard]] std::uint64_t stored() const noexcept { return stored_; } ///< by the last check

  private:
    struct sight { ///< one record in the database
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
    void find(std::string text);

    std::string database_;
    std::uint64_t seed_;
    reference_totals totals_; ///< of the stored calls
    std::uint64_t suspended_ = 0;
    std::uint64_t stored_ = 0;
    std::vector<std::string> findings_;
};

} // namespace tally::crash
