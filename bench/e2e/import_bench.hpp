#pragma once

#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

/// `tallyd import` of the sample calls against plain COPY of the same finished rows, in turn, as
/// often as options say; checks every import to the last digit and prints what it saw.
void bench_import(test_bed& bed);

} // namespace tally::bench
