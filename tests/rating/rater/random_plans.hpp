#pragma once

#include "tests/rating/rater/reference_rater.hpp"

#include <memory>
#include <string>
#include <vector>

/// Random plans with everything that determines the cost of a call, and calls near the moments at
/// which something changes. Call these only from RapidCheck properties: they use its generators.
namespace tally::rating::tests {

/// The content of a tariff, and the moments that are interesting for it.
struct random_tariff {
    plan_chain plans;
    std::shared_ptr<tariff const> built; ///< of plans[0], with the others as fallbacks
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

/// Builds the tariffs of a chain, the last one first.
std::shared_ptr<tariff const> built_of(plan_chain const& plans);

/// An answered call to a number for which the plans have prefixes.
reference_call random_call(random_tariff const& target);

/// The same call as input of the rater; `call` must outlive it.
ingest::cdr cdr_of(reference_call const& call);

} // namespace tally::rating::tests
