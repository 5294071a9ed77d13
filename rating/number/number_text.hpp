#pragma once

#include "ingest/text/ascii.hpp"

#include <string_view>

namespace tally::rating {

// The characters around the digits of a number as switches write it.

using ingest::is_digit;

constexpr bool is_separator(char c) noexcept {
    return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')';
}

/// `number` without a leading sip: sips: or tel:, in upper or lower case.
std::string_view without_scheme(std::string_view number) noexcept;

} // namespace tally::rating
