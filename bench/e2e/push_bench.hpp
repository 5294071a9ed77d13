#pragma once

#include "bench/e2e/report.hpp"
#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

struct push_options {
    std::uint64_t records_per_push = 1'000;
    unsigned connections = 4;
    double pushes_per_s = 0; ///< of all connections together; 0: as fast as they are answered
};

/// Measures pushes of the sample calls to `tallyd run` over HTTP, and plain COPY of the same
/// finished rows. Each connection sends the next push when the last one is acknowledged. With a
/// given rate the time of a push begins when it was due, even if it had to wait for its connection:
/// otherwise a stall would not show in the times of the pushes that it delayed.
json_report bench_push(test_bed& bed, push_options const& options);

} // namespace tally::bench
