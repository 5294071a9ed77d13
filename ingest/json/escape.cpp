#include "ingest/json/escape.hpp"

#include "ingest/text/ascii.hpp"

namespace tally::ingest {
namespace {

constexpr std::uint32_t not_hex = UINT32_MAX;

/// The four hex digits at the front of `text`, or not_hex.
std::uint32_t hex4(std::string_view text) noexcept {
    if (text.size() < 4) {
        return not_hex;
    }

    // std::from_chars would accept fewer digits, and a sign.
    std::uint32_t value = 0;
    for (char const c : text.substr(0, 4)) {
        char const lower = static_cast<char>(c | 0x20);
        if (is_digit(c)) {
            value = value * 16 + static_cast<std::uint32_t>(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
        } else {
            return not_hex;
        }
    }
    return value;
}

constexpr bool is_high_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xD800 && unit < 0xDC00;
}
constexpr bool is_low_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xDC00 && unit < 0xE000;
}

} // namespace

unicode_escape read_unicode_escape(std::string_view text) noexcept {
    std::uint32_t const unit = hex4(text.substr(2));
    if (unit == not_hex) {
        return {};
    }

    // A character beyond U+FFFF is written as two escapes.
    if (is_high_surrogate(unit) && text.substr(6).starts_with("\\u")) {
        std::uint32_t const low = hex4(text.substr(8));
        if (low != not_hex && is_low_surrogate(low)) {
            return {0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), 12};
        }
    }
    // Half a pair is no character; jsonb rejects it, and \u0000 too.
    if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
        return {replacement_character, 6};
    }
    return {unit == 0 ? picture_of_nul : unit, 6};
}

char* append_utf8(char* cursor, std::uint32_t value) noexcept {
    // Length by value, as in Unicode table 3-6: the lead byte says how many bytes follow.
    auto const put = [&cursor](std::uint32_t byte) { *cursor++ = static_cast<char>(byte); };

    if (value < 0x80) {
        put(value);
    } else if (value < 0x800) {
        put(0xC0 | value >> 6);
        put(0x80 | (value & 0x3F));
    } else if (value < 0x10000) {
        put(0xE0 | value >> 12);
        put(0x80 | (value >> 6 & 0x3F));
        put(0x80 | (value & 0x3F));
    } else {
        put(0xF0 | value >> 18);
        put(0x80 | (value >> 12 & 0x3F));
        put(0x80 | (value >> 6 & 0x3F));
        put(0x80 | (value & 0x3F));
    }
    return cursor;
}

char unescaped(char c) noexcept {
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

} // namespace tally::ingest
