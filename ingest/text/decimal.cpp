#include "ingest/text/decimal.hpp"

#include <algorithm>

namespace tally::ingest {
namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Beyond this, an exponent only means "zero" or "too large".
constexpr int exponent_max = 1000;

std::size_t digits_end(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && is_digit(text[at])) {
        ++at;
    }
    return at;
}

std::optional<int> parse_exponent(std::string_view text) noexcept {
    bool const is_negative = text.starts_with('-');
    if (is_negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    if (text.empty() || digits_end(text, 0) != text.size()) {
        return std::nullopt;
    }
    int value = 0;
    for (char const c : text) {
        value = std::min(value * 10 + (c - '0'), exponent_max);
    }
    return is_negative ? -value : value;
}

/// The parts of a number: the digits before and after the point, and the power of ten.
struct number_parts {
    bool is_negative = false;
    std::string_view whole;
    std::string_view fraction;
    int exponent = 0;
};

std::optional<number_parts> take_apart(std::string_view text) noexcept {
    number_parts parts;
    parts.is_negative = text.starts_with('-');
    text.remove_prefix(parts.is_negative ? 1 : 0);

    // Digits, then a point with digits, then an exponent, and nothing else.
    std::size_t at = digits_end(text, 0);
    parts.whole = text.substr(0, at);
    if (at < text.size() && text[at] == '.') {
        std::size_t const end = digits_end(text, at + 1);
        parts.fraction = text.substr(at + 1, end - at - 1);
        if (parts.fraction.empty()) {
            return std::nullopt;
        }
        at = end;
    }

    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        auto const exponent = parse_exponent(text.substr(at + 1));
        if (!exponent) {
            return std::nullopt;
        }
        parts.exponent = *exponent;
        at = text.size();
    }

    if (parts.whole.empty() || at != text.size()) {
        return std::nullopt;
    }
    return parts;
}

/// value * 10 + digit; false on overflow.
bool append_digit(std::int64_t& value, char digit) noexcept {
    return !__builtin_mul_overflow(value, 10, &value) &&
           !__builtin_add_overflow(value, static_cast<std::int64_t>(digit - '0'), &value);
}

} // namespace

std::optional<std::int64_t> parse_decimal(std::string_view text, int scale) noexcept {
    auto const parts = take_apart(text);
    if (!parts) {
        return std::nullopt;
    }

    // The result has as many digits as lie left of the unit; the rest is cut off.
    std::size_t const digits = parts->whole.size() + parts->fraction.size();
    std::int64_t const kept =
        static_cast<std::int64_t>(parts->whole.size()) + parts->exponent + scale;
    std::int64_t value = 0;
    for (std::size_t place = 0; static_cast<std::int64_t>(place) < kept; ++place) {
        // Zero times any power of ten; without this, 0e1000 would loop a thousand times.
        if (place >= digits && value == 0) {
            return 0;
        }
        char digit = '0';
        if (place < digits) {
            digit = place < parts->whole.size() ? parts->whole[place]
                                                : parts->fraction[place - parts->whole.size()];
        }
        if (!append_digit(value, digit)) {
            return std::nullopt;
        }
    }
    return parts->is_negative ? -value : value;
}

} // namespace tally::ingest
