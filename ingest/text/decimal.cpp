#include "ingest/text/decimal.hpp"

#include "ingest/text/ascii.hpp"

#include <algorithm>

namespace tally::ingest {
namespace {

/// Beyond this, an exponent only means "zero" or "too large".
constexpr int exponent_max = 1000;

std::size_t digits_end(std::string_view text, std::size_t index) noexcept {
    while (index < text.size() && is_digit(text[index])) {
        ++index;
    }
    return index;
}

std::optional<int> parse_exponent(std::string_view text) noexcept {
    // JSON forbids "+1", so only an exponent may have a plus.
    bool const is_negative = text.starts_with('-');
    if (is_negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    if (text.empty() || digits_end(text, 0) != text.size()) {
        return std::nullopt;
    }

    // Capped while it grows, so that no number of digits can overflow it.
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
    std::size_t index = digits_end(text, 0);
    parts.whole = text.substr(0, index);
    if (index < text.size() && text[index] == '.') {
        std::size_t const end = digits_end(text, index + 1);
        parts.fraction = text.substr(index + 1, end - index - 1);
        if (parts.fraction.empty()) {
            return std::nullopt;
        }
        index = end;
    }

    // Encoders write large and small numbers with an exponent, whatever their source was.
    if (index < text.size() && (text[index] == 'e' || text[index] == 'E')) {
        auto const exponent = parse_exponent(text.substr(index + 1));
        if (!exponent) {
            return std::nullopt;
        }
        parts.exponent = *exponent;
        index = text.size();
    }

    if (parts.whole.empty() || index != text.size()) {
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
    for (std::size_t index = 0; static_cast<std::int64_t>(index) < kept; ++index) {
        // Zero times any power of ten; without this, 0e1000 would loop a thousand times.
        if (index >= digits && value == 0) {
            return 0;
        }

        // Beyond the digits that are written, the exponent asks for zeros.
        char digit = '0';
        if (index < digits) {
            digit = index < parts->whole.size() ? parts->whole[index]
                                                : parts->fraction[index - parts->whole.size()];
        }
        if (!append_digit(value, digit)) {
            return std::nullopt;
        }
    }
    return parts->is_negative ? -value : value;
}

} // namespace tally::ingest
