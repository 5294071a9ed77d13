#pragma once

#include "bench/e2e/report.hpp"
#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

/// Measures how long a daemon takes to load a catalog from PostgreSQL, and how much memory the
/// catalog occupies. The catalog's only plan has a given number of prefixes. Checks the result.
json_report bench_load(test_bed& bed);

} // namespace tally::bench
