#include "rating/number/match_digits.hpp"

#include "ingest/text/ascii.hpp"
#include "rating/number/number_text.hpp"

namespace tally::rating {

namespace {

using ingest::lower;

/// The text after `scheme` (lower case) in a URI, or all of `text` if it has another scheme.
std::string_view behind(std::string_view text, std::string_view scheme) noexcept {
    if (text.size() < scheme.size()) {
        return text;
    }
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        if (lower(text[i]) != scheme[i]) {
            return text;
        }
    }
    return text.substr(scheme.size());
}

/// A letter after the digits means that the text is a name. Bytes of UTF-8 sequences count as
/// letters, so that this holds for any script.
constexpr bool is_letter(char c) noexcept {
    char const small = lower(c);
    return (small >= 'a' && small <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

} // namespace

std::string_view without_scheme(std::string_view number) noexcept {
    for (std::string_view const scheme : {"sip:", "sips:", "tel:"}) {
        auto const rest = behind(number, scheme);
        if (rest.size() != number.size()) {
            return rest;
        }
    }
    return number;
}

matched_number match_number(std::string_view number,
                            std::span<char, prefix_index::digits_max> buffer) noexcept {
    std::string_view const text = without_scheme(number);

    // Copy the digits, up to the first character that no number contains. A '+' counts only in
    // front.
    std::size_t length = 0;
    bool may_plus = true;
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        char const c = text[i];
        if (is_digit(c)) {
            // Longer than any prefix: the rest does not matter for matching.
            if (length == buffer.size()) {
                break;
            }
            buffer[length++] = c;
            may_plus = false;
        } else if (c == '+' && may_plus) {
            may_plus = false;
        } else if (!is_separator(c)) {
            break;
        }
    }

    // A digit at the end means that the buffer is full.
    bool const whole =
        length > 0 && (i == text.size() || (!is_digit(text[i]) && !is_letter(text[i])));
    return {{buffer.data(), length}, whole};
}

std::string_view match_digits(std::string_view number,
                              std::span<char, prefix_index::digits_max> buffer) noexcept {
    return match_number(number, buffer).digits;
}

} // namespace tally::rating
