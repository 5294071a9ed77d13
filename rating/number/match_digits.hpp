#pragma once

#include "rating/number/prefix_index.hpp"

#include <span>
#include <string_view>

namespace tally::rating {

/// The digits by which a number is matched. A leading scheme (sip: sips: tel:) and '+' are dropped,
/// and so are separators (space - . ( )). The digits end at the first other character (such as the
/// '@' of an address) and after digits_max digits. The result is empty when the text does not begin
/// like a number. It is a view of `buffer`.
std::string_view match_digits(std::string_view number,
                              std::span<char, prefix_index::digits_max> buffer) noexcept;

/// The result of match_digits, and whether the text is a whole number: not longer than the buffer,
/// and not a name that begins with digits ("24seven"). Guiding uses only whole numbers.
struct matched_number {
    std::string_view digits;
    bool is_whole = false;
};
matched_number match_number(std::string_view number,
                            std::span<char, prefix_index::digits_max> buffer) noexcept;

} // namespace tally::rating
