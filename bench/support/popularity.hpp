#pragma once

#include "bench/support/repeatable_random.hpp"

#include <cstdint>
#include <vector>

namespace tally::bench {

enum class popularity_kind : std::uint8_t {
    zipf,    ///< the k-th gets 1/k of what the first gets: few busy ones, many quiet ones
    uniform, ///< all alike
};

/// Chooses among `count` items. It computes in whole numbers, so that the choice is the same on
/// every machine.
class popularity {
  public:
    popularity(popularity_kind kind, std::uint32_t count, repeatable_random& random);

    [[nodiscard]] std::uint32_t choose(repeatable_random& random) const;

  private:
    std::uint32_t count_;
    std::vector<std::uint64_t> shares_up_to_; ///< zipf: sum of the shares of 0 .. i
    std::vector<std::uint32_t> by_rank_;      ///< zipf: so that the busy ones are not adjacent
};

} // namespace tally::bench
