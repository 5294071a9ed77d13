#pragma once

#include "bench/e2e/report.hpp"
#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

/// Measures `tallyd import` of the sample calls and plain COPY of the same finished rows, in turn,
/// as often as the options say. Checks every import to the last digit and prints the results, which
/// it also returns.
json_report bench_import(test_bed& bed);

} // namespace tally::bench
