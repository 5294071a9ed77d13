#pragma once

#include "tests/rating/rater/reference_rater.hpp"

#include <memory>
#include <string>
#include <vector>

/// Random plans with everything that decides what a call costs, and calls that come near to where
/// something changes. To be called from RapidCheck properties only: every choice is a generator's.
namespace tally::rating::tests {

/// What a tariff is made of, and where to look at it.
struct random_tariff {
    plan_chain plans;
    std::shared_ptr<tariff const> built; ///< of plans[0], with the others behind it
    bool is_coarse = false;              ///< long increments, for calls of days
    std::string zone;                    ///< of most of the plans
    ingest::time_us around = 0;          ///< when something happens there
};

struct plan_wishes {
    std::int64_t price_low = 0; ///< in nanos, per unit
    std::int64_t price_high = 5'000'000'000;
    bool has_grace = true;
};

random_tariff random_plans(plan_wishes const& wishes);

/// The tariffs of a chain, the last one first.
std::shared_ptr<tariff const> built_of(plan_chain const& plans);

/// An answered call to one of the numbers that the plans have prefixes of.
reference_call random_call(random_tariff const& to);

/// The same call as the rater takes it; `call` must outlive it.
ingest::cdr cdr_of(reference_call const& call);

} // namespace tally::rating::tests
