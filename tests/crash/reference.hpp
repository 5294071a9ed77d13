#pragma once

#include "tests/crash/sample_calls.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace tally::crash {

/// Money in billionths, as the database keeps it.
using nanos = std::int64_t;

/// The cost of a call of the rig's telecom, computed from its plan without the rater.
struct reference_charge {
    std::int64_t billed_s = 0;
    nanos per_s = 0;              ///< beyond the allowance
    nanos fee = 0;                ///< connect fee
    bool draws_allowance = false; ///< the 600 s of the month are drawn first
};

reference_charge charge_of(sample_call const& call);

/// "12.345" in billionths. Throws when the text has more than nine decimals.
nanos nanos_of(std::string const& text);
std::string text_of(nanos amount);

/// The sums over calls, in any order: the allowance is drawn by the second and all its seconds have
/// one price, so it does not matter which seconds were free.
class reference_totals {
  public:
    static constexpr std::int64_t included_s = 600;

    struct usage {
        std::int64_t calls = 0;
        std::int64_t billed_s = 0;
        std::int64_t drawing_s = 0; ///< of calls that draw the allowance
        nanos other_cost = 0;       ///< of all other calls

        [[nodiscard]] std::int64_t drawn_s() const noexcept;
        [[nodiscard]] nanos cost() const noexcept;
    };
    struct day {
        std::int64_t calls = 0;
        std::int64_t answered_s = 0;
        std::int64_t billed_s = 0;
    };
    using by_month = std::pair<int, std::string>; ///< account and "2026-04"
    using by_day = std::pair<int, std::string>;   ///< account and "2026-04-30"

    void add(sample_call const& call);

    [[nodiscard]] std::map<by_month, usage> const& months() const noexcept { return months_; }
    [[nodiscard]] std::map<by_day, day> const& days() const noexcept { return days_; }
    [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }
    [[nodiscard]] std::map<int, nanos> by_account() const;
    [[nodiscard]] nanos cost() const;

  private:
    std::map<by_month, usage> months_;
    std::map<by_day, day> days_;
    std::uint64_t calls_ = 0;
};

} // namespace tally::crash
