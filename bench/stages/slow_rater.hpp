#pragma once

#include "ingest/record/cdr.hpp"
#include "rating/rater/rater.hpp"

namespace tally::bench {

/// The cost of an answered call, computed by the written rules without any optimization: it looks
/// at every rate and counts every increment. It works for the plans of the benches only: their
/// units are all 60 s, their rates are always in effect, their zone is India's, and costs are
/// rounded half up to four decimals. The call draws from `left`.
rating::amount slow_cost(ingest::cdr const& call, rating::tariff const& plan, bool on_net,
                         rating::allowance& left);

} // namespace tally::bench
