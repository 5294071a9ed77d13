#pragma once

#include "ingest/record/cdr.hpp"
#include "rating/rater/rater.hpp"

namespace tally::bench {

/// What an answered call costs by the rules as they are written down, with nothing clever: looks at
/// every rate, counts every increment. For plans of the benches, whose units are all 60 s, whose
/// rates are always in effect, whose clocks are India's and whose costs are rounded half up to four
/// decimals. `left` is drawn from.
rating::amount slow_cost(ingest::cdr const& call, rating::tariff const& plan, bool on_net,
                         rating::allowance& left);

} // namespace tally::bench
