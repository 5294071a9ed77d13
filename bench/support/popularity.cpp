#include "bench/support/popularity.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace tally::bench {

popularity::popularity(popularity_kind kind, std::uint32_t count, repeatable_random& random)
    : count_{count} {
    if (count == 0) {
        throw std::invalid_argument{"there is nothing to choose from"};
    }
    if (kind == popularity_kind::uniform) {
        return;
    }

    // Zipf's law: the share of a rank is the first share divided by the rank. choose() searches the
    // sums.
    constexpr std::uint64_t first_share = std::uint64_t{1} << 40;
    std::uint64_t sum = 0;
    for (std::uint64_t rank = 1; rank <= count; ++rank) {
        sum += first_share / rank;
        shares_up_to_.push_back(sum);
    }

    // A random permutation decides which item has which rank.
    by_rank_.resize(count);
    std::iota(by_rank_.begin(), by_rank_.end(), 0U);
    for (std::uint32_t i = count; i > 1; --i) {
        std::swap(by_rank_[i - 1], by_rank_[random.below(i)]);
    }
}

std::uint32_t popularity::choose(repeatable_random& random) const {
    if (shares_up_to_.empty()) {
        return static_cast<std::uint32_t>(random.below(count_));
    }
    std::uint64_t const point = random.below(shares_up_to_.back());
    auto const found = std::upper_bound(shares_up_to_.begin(), shares_up_to_.end(), point);
    return by_rank_[static_cast<std::size_t>(found - shares_up_to_.begin())];
}

} // namespace tally::bench
