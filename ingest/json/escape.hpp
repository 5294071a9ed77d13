#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

inline constexpr std::uint32_t replacement_character = 0xFFFD;
inline constexpr std::uint32_t picture_of_nul = 0x2400;

/// A \u escape: its character and the number of bytes of text it took; 0 if it is not valid. Half a
/// surrogate pair gives the replacement character, NUL its picture (U+2400).
struct unicode_escape {
    std::uint32_t value = replacement_character;
    std::size_t length = 0;
};

/// `text` begins with "\u".
unicode_escape read_unicode_escape(std::string_view text) noexcept;

/// The character that a backslash followed by `c` means; 0 if it has no meaning.
char unescaped(char c) noexcept;

/// Writes a character in UTF-8 (at most four bytes); returns the position after it.
char* append_utf8(char* cursor, std::uint32_t value) noexcept;

} // namespace tally::ingest
