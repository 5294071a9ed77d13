#include "rating/money/exact_cost.hpp"

#include <numeric>

namespace tally::rating {

std::optional<std::uint64_t> common_denominator(std::uint64_t a, std::uint32_t b) noexcept {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b / std::gcd(a, std::uint64_t{b}), &product) ||
        product > exact_cost::denominator_max) {
        return std::nullopt;
    }
    return product;
}

bool exact_cost::add(int128 nanos, std::uint32_t divisor) noexcept {
    int128 quotient = 0;
    std::int64_t rest = 0;
    if (auto const small = static_cast<std::int64_t>(nanos); small == nanos) {
        quotient = small / std::int64_t{divisor}; // several times faster than in 128 bits
        rest = small % std::int64_t{divisor};
    } else {
        quotient = nanos / divisor;
        rest = static_cast<std::int64_t>(nanos % divisor);
    }
    if (rest < 0) { // towards minus infinity, so that the broken part is never negative
        rest += divisor;
        --quotient;
    }
    whole_ += quotient;
    if (rest == 0) {
        return true;
    }
    auto const common = common_denominator(denominator_, divisor);
    if (!common) {
        return false;
    }
    // Both terms are below *common <= 2^62: their sum fits.
    numerator_ = numerator_ * (*common / denominator_) +
                 static_cast<std::uint64_t>(rest) * (*common / divisor);
    denominator_ = *common;
    if (numerator_ >= denominator_) {
        numerator_ -= denominator_;
        ++whole_;
    }
    return true;
}

std::optional<amount> exact_cost::rounded(rounding how) const noexcept {
    // Beyond this no rounding brings the sum back into an amount, and below it the numerator
    // stays under 2^63 * 2^62 + 2^62. One below the smallest amount may still round up to it.
    constexpr int128 lowest = int128{INT64_MIN} - 1'000'000'000;
    constexpr int128 highest = int128{INT64_MAX} + 1'000'000'000;
    if (whole_ < lowest || whole_ > highest) {
        return std::nullopt;
    }
    return round_fraction(whole_ * static_cast<int128>(denominator_) +
                              static_cast<int128>(numerator_),
                          static_cast<int128>(denominator_), how);
}

} // namespace tally::rating
