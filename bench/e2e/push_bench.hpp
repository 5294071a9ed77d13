#pragma once

#include "bench/e2e/test_bed.hpp"

namespace tally::bench {

struct push_options {
    std::uint64_t records_per_push = 1'000;
    unsigned connections = 4;
};

/// Pushes of the sample calls to `tallyd run` over HTTP, each connection sending the next when the
/// last is acknowledged, against plain COPY of the same finished rows.
void bench_push(test_bed& bed, push_options const& how);

} // namespace tally::bench
