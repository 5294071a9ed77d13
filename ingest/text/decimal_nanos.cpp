#include "ingest/text/decimal_nanos.hpp"

#include "ingest/text/ascii.hpp"

#include <algorithm>
#include <array>

namespace tally::ingest {

namespace {

/// The power of ten of one unit in nanos, and of decimal_nanos_max.
constexpr std::int64_t power_of_one = 9;
constexpr std::int64_t power_max = 27;

constexpr auto powers_of_ten = [] {
    std::array<int128, power_max + 1> powers{};
    int128 next = 1;
    for (auto& power : powers) {
        power = next;
        next *= 10;
    }
    return powers;
}();

/// Beyond this, an exponent only means "zero" or "out of range".
constexpr std::int64_t exponent_max = 1'000'000;

/// Removes a sign from the front; true for '-'.
bool take_sign(std::string_view& text) noexcept {
    bool const negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    return negative;
}

/// Removes the digits from the front and returns them.
std::string_view take_digits(std::string_view& text) noexcept {
    auto const end = std::find_if_not(text.begin(), text.end(), is_digit);
    auto const digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(digits.size());
    return digits;
}

/// The power of ten after an 'e'; 0 if there is no 'e'.
std::optional<std::int64_t> take_exponent(std::string_view& text) noexcept {
    if (!text.starts_with('e') && !text.starts_with('E')) {
        return 0;
    }
    text.remove_prefix(1);
    bool const negative = take_sign(text);
    auto const digits = take_digits(text);
    if (digits.empty()) {
        return std::nullopt;
    }
    // Capped while it grows, so that no number of digits can overflow it.
    std::int64_t value = 0;
    for (char const c : digits) {
        value = std::min(value * 10 + (c - '0'), exponent_max);
    }
    return negative ? -value : value;
}

/// Adds digits, the first of which counts 10^power nanos. False if a digit that is not zero does
/// not fit into the result; the sum of all always fits into 128 bits.
bool add_digits(std::string_view digits, std::int64_t power, int128& nanos) noexcept {
    for (char const c : digits) {
        // A zero outside of the range changes nothing, so "1.0000000000" is exact.
        if (c != '0') {
            if (power < 0 || power > power_max) {
                return false;
            }
            nanos += (c - '0') * powers_of_ten[static_cast<std::size_t>(power)];
        }
        --power;
    }
    return true;
}

} // namespace

std::optional<int128> parse_decimal_nanos(std::string_view text) noexcept {
    bool const negative = take_sign(text);
    auto const whole = take_digits(text);
    std::string_view decimals;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        decimals = take_digits(text);
    }
    auto const exponent = take_exponent(text);
    if (!exponent || !text.empty() || (whole.empty() && decimals.empty())) {
        return std::nullopt;
    }

    // Each digit is added at its own power of ten, so nothing is rounded and leading and trailing
    // zeros do not matter.
    std::int64_t const point = power_of_one + *exponent;
    int128 nanos = 0;
    if (!add_digits(whole, point + static_cast<std::int64_t>(whole.size()) - 1, nanos) ||
        !add_digits(decimals, point - 1, nanos) || nanos > decimal_nanos_max) {
        return std::nullopt;
    }
    return negative ? -nanos : nanos;
}

} // namespace tally::ingest
