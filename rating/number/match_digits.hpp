#pragma once

#include "rating/number/prefix_index.hpp"

#include <span>
#include <string_view>

namespace tally::rating {

/// The digits by which a number is matched: a leading scheme (sip: sips: tel:) and '+' dropped,
/// separators (space - . ( )) left out, cut at the first other character (the '@' of an address
/// among them) and after digits_max digits; empty when it does not begin like a number.
/// Written into `buffer`, which holds prefix_index::digits_max characters.
std::string_view match_digits(std::string_view number,
                              std::span<char, prefix_index::digits_max> buffer) noexcept;

/// match_digits, and whether the text is a number and no more: not longer than the buffer, not a
/// name that begins with digits ("24seven"). Only such a number may say who pays.
struct matched_number {
    std::string_view digits;
    bool is_whole = false;
};
matched_number match_number(std::string_view number,
                            std::span<char, prefix_index::digits_max> buffer) noexcept;

} // namespace tally::rating
