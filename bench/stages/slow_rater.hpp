#pragma once

#include "ingest/cdr.hpp"
#include "rating/rater.hpp"

#include <span>

namespace tally::bench {

/// What a call costs by the rules as they are written down, with nothing clever: looks at every
/// rate, counts every increment. For sample catalogs, whose units are all 60 s and whose costs are
/// rounded half up to four decimals. `left` is drawn from.
rating::amount slow_cost(ingest::cdr const& call, std::span<rating::rate const> rates,
                         rating::allowance& left);

} // namespace tally::bench
