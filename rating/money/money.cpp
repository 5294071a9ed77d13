#include "rating/money/money.hpp"

#include "ingest/text/ascii.hpp"

#include <array>
#include <limits>

namespace tally::rating {

namespace {

using ingest::is_digit;
__extension__ using uint128 = unsigned __int128;

constexpr int decimals_max = 9;
constexpr std::array<std::uint64_t, decimals_max + 1> powers_of_ten{
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

/// Sign and magnitude are separate, because the smallest integer has no positive counterpart of its
/// own type.
struct signed_magnitude {
    uint128 size = 0;
    bool negative = false;
};

constexpr signed_magnitude magnitude_of(int128 value) noexcept {
    // Unsigned arithmetic wraps, so the smallest integer has a magnitude too.
    auto const size = static_cast<uint128>(value);
    return value < 0 ? signed_magnitude{uint128{0} - size, true} : signed_magnitude{size, false};
}

struct division {
    uint128 quotient;
    uint128 rest;
};

/// Nearly every sum fits 64 bits, and a 64-bit division takes a tenth of the time.
division divide(uint128 top, uint128 bottom) noexcept {
    auto const top_low = static_cast<std::uint64_t>(top);
    auto const bottom_low = static_cast<std::uint64_t>(bottom);
    if (top_low == top && bottom_low == bottom) {
        return {top_low / bottom_low, top_low % bottom_low};
    }
    return {top / bottom, top % bottom};
}

std::optional<amount> to_amount(signed_magnitude value) noexcept {
    constexpr auto largest = static_cast<uint128>(std::numeric_limits<std::int64_t>::max());
    // The range has one more negative number than positive ones.
    if (value.size > largest + (value.negative ? 1U : 0U)) {
        return std::nullopt;
    }
    auto const bits = static_cast<std::uint64_t>(value.size);
    return amount{static_cast<std::int64_t>(value.negative ? 0 - bits : bits)};
}

/// The digits read so far, as an integer of nanos. `fits` becomes false on overflow and stays so.
struct digit_reader {
    uint128 nanos = 0;
    bool any = false;
    bool fits = true;

    void whole_digit(char c) noexcept {
        any = true;
        nanos = nanos * 10 + static_cast<unsigned>(c - '0') * nanos_per_unit;
        // 2^64 is beyond any amount, and far below 2^128, so the line above cannot overflow.
        fits = fits && nanos <= std::numeric_limits<std::uint64_t>::max();
        nanos = fits ? nanos : 0;
    }
    void decimal_digit(char c, std::size_t index) noexcept {
        any = true;
        auto const digit = static_cast<unsigned>(c - '0');
        if (index > decimals_max) {
            fits = fits && digit == 0;
        } else {
            nanos += digit * powers_of_ten[decimals_max - index];
        }
    }
};

std::string digits_of(signed_magnitude value) {
    auto decimals = static_cast<std::uint64_t>(value.size % nanos_per_unit);
    uint128 whole = value.size / nanos_per_unit;

    // Digits come from the right. Trailing zeros of the decimals are left out.
    std::string reversed;
    bool seen = false;
    for (int slot_index = 0; slot_index < decimals_max; ++slot_index, decimals /= 10) {
        seen = seen || decimals % 10 != 0;
        if (seen) {
            reversed.push_back(static_cast<char>('0' + decimals % 10));
        }
    }
    if (seen) {
        reversed.push_back('.');
    }

    // At least one digit before the point: "0.3", not ".3".
    do {
        reversed.push_back(static_cast<char>('0' + static_cast<int>(whole % 10)));
        whole /= 10;
    } while (whole != 0);
    if (value.negative) {
        reversed.push_back('-');
    }
    return {reversed.rbegin(), reversed.rend()};
}

/// The position of a value between two neighbors on the grid of a rounding.
enum class position : std::uint8_t { exact, below_half, half, above_half };

bool away_from_zero(position location, bool odd, rounding_mode mode) noexcept {
    switch (mode) {
    case rounding_mode::up:
        return location != position::exact;
    case rounding_mode::down:
        return false;
    case rounding_mode::half_up:
        return location >= position::half;
    // `odd`: the neighbor toward zero is odd, so the other one is the even one.
    case rounding_mode::half_even:
        return location == position::above_half || (location == position::half && odd);
    }
    return false;
}

/// The position of (nanos_over + rest / denominator) on a grid of `grid` nanos. The function does
/// not multiply, so it cannot overflow.
position position_on_grid(std::uint64_t nanos_over, uint128 rest, uint128 denominator,
                          std::uint64_t grid) noexcept {
    if (nanos_over == 0 && rest == 0) {
        return position::exact;
    }

    // On the finest grid only the fraction of a nano is left to compare; the difference avoids
    // doubling it.
    if (grid == 1) {
        uint128 const missing = denominator - rest;
        return rest < missing    ? position::below_half
               : rest == missing ? position::half
                                 : position::above_half;
    }

    std::uint64_t const half = grid / 2; // powers of ten above 1 are even
    if (nanos_over != half) {
        return nanos_over < half ? position::below_half : position::above_half;
    }
    return rest == 0 ? position::half : position::above_half;
}

} // namespace

std::optional<amount> parse_amount(std::string_view text) noexcept {
    bool const negative = text.starts_with('-');
    text.remove_prefix(negative ? 1 : 0);

    digit_reader reader;
    std::size_t i = 0;
    for (; i < text.size() && is_digit(text[i]); ++i) {
        reader.whole_digit(text[i]);
    }

    // A point without digits on one side is accepted ("12.", ".5"), without any it is not.
    if (i < text.size() && text[i] == '.') {
        ++i;
        for (std::size_t decimal = 1; i < text.size() && is_digit(text[i]); ++i, ++decimal) {
            reader.decimal_digit(text[i], decimal);
        }
    }

    // What does not fit is refused, never cut: a price must be what its author wrote.
    if (i != text.size() || !reader.any || !reader.fits) {
        return std::nullopt;
    }
    return to_amount({reader.nanos, negative});
}

std::string to_string(amount a) {
    return digits_of(magnitude_of(a.nanos));
}

std::string to_string(amount_sum a) {
    return digits_of(magnitude_of(a.nanos));
}

std::optional<amount> round_fraction(int128 numerator, int128 denominator,
                                     rounding rounding) noexcept {
    auto const top = magnitude_of(numerator);
    auto const bottom = static_cast<uint128>(denominator);
    auto const decimals = rounding.decimals > decimals_max ? decimals_max : int{rounding.decimals};
    std::uint64_t const grid = powers_of_ten[static_cast<std::size_t>(decimals_max - decimals)];

    // Divide twice instead of scaling the numerator, which could overflow.
    auto const nanos = divide(top.size, bottom);
    auto [steps, over] = divide(nanos.quotient, grid);
    auto const location =
        position_on_grid(static_cast<std::uint64_t>(over), nanos.rest, bottom, grid);
    if (away_from_zero(location, (steps & 1) != 0, rounding.mode)) {
        ++steps;
    }
    if (steps > std::numeric_limits<std::uint64_t>::max()) {
        return std::nullopt; // the multiplication below could wrap
    }
    return to_amount({steps * grid, top.negative});
}

} // namespace tally::rating
