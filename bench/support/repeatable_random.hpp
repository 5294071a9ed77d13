#pragma once

#include "ingest/base/uuid.hpp"

#include <cstdint>
#include <random>
#include <span>

namespace tally::bench {

/// Random numbers that are the same on every machine for one seed. The standard defines the output
/// of mt19937_64, but not that of the distributions, so the distributions here are our own.
class repeatable_random {
  public:
    explicit repeatable_random(std::uint64_t seed) : engine_{seed} {}

    std::uint64_t next() { return engine_(); }
    /// 0 to bound - 1, with equal probability. `bound` > 0.
    std::uint64_t below(std::uint64_t bound);
    /// first to last, both inclusive.
    std::int64_t between(std::int64_t first, std::int64_t last);
    bool percent(unsigned chance) { return below(100) < chance; }
    /// Version 4 (RFC 9562 section 5.4).
    ingest::uuid uuid_v4();
    /// Version 7 (RFC 9562 section 5.7) of a moment.
    ingest::uuid uuid_v7(std::uint64_t unix_ms);

    template <typename T>
    T const& one_of(std::span<T const> values) {
        return values[below(values.size())];
    }

  private:
    std::mt19937_64 engine_;
};

} // namespace tally::bench
