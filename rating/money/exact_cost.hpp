#pragma once

#include "rating/money/money.hpp"

#include <cstdint>
#include <optional>

namespace tally::rating {

/// An exact sum of money: whole nanos plus numerator / denominator, with
/// 0 <= numerator < denominator. It is the cost of a call before rounding.
///
/// The whole part and the fraction are separate members because one fraction over the common
/// denominator would not fit 128 bits. The whole part alone cannot overflow: each term is below
/// 2^97.
class exact_cost {
  public:
    /// Common denominators stay below this, so that a rounded sum's numerator fits 128 bits.
    static constexpr std::uint64_t denominator_max = std::uint64_t{1} << 62;

    /// Adds nanos / divisor (divisor > 0). Returns false when the common denominator would exceed
    /// denominator_max; the sum is then unusable.
    [[nodiscard]] bool add(int128 nanos, std::uint32_t divisor) noexcept;
    void add(amount a) noexcept { whole_ += a.nanos; }

    [[nodiscard]] bool is_below(amount bound) const noexcept { return whole_ < bound.nanos; }
    [[nodiscard]] bool is_above(amount bound) const noexcept {
        return whole_ > bound.nanos || (whole_ == bound.nanos && numerator_ != 0);
    }
    /// nullopt when the rounded sum does not fit.
    [[nodiscard]] std::optional<amount> rounded(rounding rounding) const noexcept;

  private:
    int128 whole_ = 0;
    std::uint64_t numerator_ = 0;
    std::uint64_t denominator_ = 1;
};

/// Least common multiple; nullopt above exact_cost::denominator_max. Both > 0.
std::optional<std::uint64_t> common_denominator(std::uint64_t a, std::uint32_t b) noexcept;

} // namespace tally::rating
