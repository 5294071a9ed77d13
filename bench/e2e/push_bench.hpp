#pragma once

#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

struct push_options {
    std::uint64_t records_per_push = 1'000;
    unsigned connections = 4;
    double pushes_per_s = 0; ///< of all connections together; 0: as fast as they are answered
};

/// Pushes of the sample calls to `tallyd run` over HTTP, each connection sending the next when the
/// last is acknowledged, against plain COPY of the same finished rows. With a given rate a push
/// that had to wait for its connection counts from when it was due, so that a stall is not hidden
/// by the pushes that it held up.
void bench_push(test_bed& bed, push_options const& how);

} // namespace tally::bench
