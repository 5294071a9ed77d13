#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

inline constexpr std::uint32_t replacement_character = 0xFFFD;
inline constexpr std::uint32_t picture_of_nul = 0x2400;

/// A \u escape: the character it stands for and how many bytes of text it took; 0 when it is none.
/// Half a surrogate pair is the replacement character, NUL its picture.
struct unicode_escape {
    std::uint32_t value = replacement_character;
    std::size_t length = 0;
};

/// `text` begins with "\u".
unicode_escape read_unicode_escape(std::string_view text) noexcept;

/// The character for which the one behind a backslash stands; 0 when for none.
char unescaped(char c) noexcept;

/// Writes a character in UTF-8 (at most four bytes); gives the place behind it.
char* append_utf8(char* to, std::uint32_t value) noexcept;

} // namespace tally::ingest
