#pragma once

#include "ingest/text/decimal.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally::rating {

using ingest::int128;

/// An amount of money in 10^-9 of its currency's unit. Exact; never a float.
/// The range is about +-9.2 * 10^9 units; a result that does not fit is
/// record_error::amount_overflow.
struct amount {
    std::int64_t nanos = 0;

    friend auto operator<=>(amount const&, amount const&) = default;
};

inline constexpr std::int64_t nanos_per_unit = 1'000'000'000;

/// A sum of amounts over a batch; cannot overflow with fewer than 2^64 terms.
struct amount_sum {
    int128 nanos = 0;

    constexpr amount_sum& operator+=(amount a) noexcept {
        nanos += a.nanos;
        return *this;
    }
    constexpr amount_sum& operator+=(amount_sum const& a) noexcept {
        nanos += a.nanos;
        return *this;
    }
    friend bool operator==(amount_sum const&, amount_sum const&) = default;
};

enum class rounding_mode : std::uint8_t {
    up,        ///< away from zero
    down,      ///< toward zero
    half_up,   ///< to nearest, half away from zero
    half_even, ///< to nearest, half to the even neighbor
};

/// How a plan rounds the cost of one record: once, at the very end.
struct rounding {
    rounding_mode mode = rounding_mode::half_up;
    std::uint8_t decimals = 4; ///< 0..9

    friend bool operator==(rounding const&, rounding const&) = default;
};

/// Reads a decimal string ("0.00025", "-1", "12."). Returns nullopt for any other text, for a
/// nonzero digit after the ninth decimal, and for a number that is out of range.
std::optional<amount> parse_amount(std::string_view text) noexcept;

/// The shortest exact decimal form: "0.3", "12", "-0.00025".
std::string to_string(amount a);
std::string to_string(amount_sum a);

/// Rounds numerator / denominator (in nanos, denominator > 0) once. Returns nullopt on overflow.
std::optional<amount> round_fraction(int128 numerator, int128 denominator,
                                     rounding rounding_mode) noexcept;

} // namespace tally::rating
