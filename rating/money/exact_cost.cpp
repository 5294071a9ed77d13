#include "rating/money/exact_cost.hpp"

#include <numeric>

namespace tally::rating {

std::optional<std::uint64_t> common_denominator(std::uint64_t a, std::uint32_t b) noexcept {
    // Divided before it is multiplied: the product is the least common multiple itself, never more.
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b / std::gcd(a, std::uint64_t{b}), &product) ||
        product > exact_cost::denominator_max) {
        return std::nullopt;
    }
    return product;
}

bool exact_cost::add(int128 nanos, std::uint32_t divisor) noexcept {
    // Split into whole nanos and a remainder. A 64-bit division is several times faster than a
    // 128-bit one, and nearly every sum fits.
    int128 quotient = 0;
    std::int64_t rest = 0;
    if (auto const small = static_cast<std::int64_t>(nanos); small == nanos) {
        quotient = small / std::int64_t{divisor};
        rest = small % std::int64_t{divisor};
    } else {
        quotient = nanos / divisor;
        rest = static_cast<std::int64_t>(nanos % divisor);
    }

    // Round toward minus infinity, so that the fraction is never negative.
    if (rest < 0) {
        rest += divisor;
        --quotient;
    }
    whole_ += quotient;
    if (rest == 0) {
        return true;
    }

    // Both terms are below the common denominator, which is at most 2^62, so their sum fits.
    auto const common = common_denominator(denominator_, divisor);
    if (!common) {
        return false;
    }
    numerator_ = numerator_ * (*common / denominator_) +
                 static_cast<std::uint64_t>(rest) * (*common / divisor);
    denominator_ = *common;

    // Keep the fraction below 1: the whole part alone then compares two sums.
    if (numerator_ >= denominator_) {
        numerator_ -= denominator_;
        ++whole_;
    }
    return true;
}

std::optional<amount> exact_cost::rounded(rounding rounding) const noexcept {
    // A sum outside these bounds cannot round to an amount; a currency unit of margin is enough for
    // any rounding. Within them the numerator below stays under 2^63 * 2^62 + 2^62, so it fits.
    constexpr int128 lowest = int128{INT64_MIN} - 1'000'000'000;
    constexpr int128 highest = int128{INT64_MAX} + 1'000'000'000;
    if (whole_ < lowest || whole_ > highest) {
        return std::nullopt;
    }
    return round_fraction(whole_ * static_cast<int128>(denominator_) +
                              static_cast<int128>(numerator_),
                          static_cast<int128>(denominator_), rounding);
}

} // namespace tally::rating
