#pragma once

#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

/// How long a daemon takes to load a catalog whose only plan has as many prefixes as asked for, out
/// of PostgreSQL, and how much memory the catalog keeps. Checks what was loaded.
void bench_load(test_bed& bed);

} // namespace tally::bench
