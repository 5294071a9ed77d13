#include "ingest/json/utf8_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tally::ingest {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";    // U+FFFD
constexpr std::string_view picture_of_nul = "\xE2\x90\x80"; // U+2400

/// Properties of a lead byte: the character's length, its bits, and the least value that needs this
/// length.
struct lead {
    std::size_t length;
    std::uint32_t bits;
    std::uint32_t least;
};

constexpr lead read_lead(std::uint8_t byte) noexcept {
    if (byte < 0x80) {
        return {1, byte, 0};
    }
    if ((byte & 0xE0) == 0xC0) {
        return {2, byte & 0x1Fu, 0x80};
    }
    if ((byte & 0xF0) == 0xE0) {
        return {3, byte & 0x0Fu, 0x800};
    }
    if ((byte & 0xF8) == 0xF0) {
        return {4, byte & 0x07u, 0x10000};
    }
    return {0, 0, 0};
}

/// Length of the valid character at the front of `bytes`, or 0.
std::size_t character_length(std::string_view bytes) noexcept {
    lead const first = read_lead(static_cast<std::uint8_t>(bytes.front()));
    if (first.length == 0 || first.length > bytes.size()) {
        return 0;
    }

    // The value decides, not the bytes: overlong forms and surrogates look well-formed.
    std::uint32_t value = first.bits;
    for (std::size_t index = 1; index < first.length; ++index) {
        auto const byte = static_cast<std::uint8_t>(bytes[index]);
        if ((byte & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (byte & 0x3F);
    }
    bool const is_surrogate = value >= 0xD800 && value < 0xE000;
    return value < first.least || value > 0x10FFFF || is_surrogate ? 0 : first.length;
}

char* append(char* cursor, std::string_view text) noexcept {
    std::memcpy(cursor, text.data(), text.size());
    return cursor + text.size();
}

/// A sanitized copy; every byte may become three.
std::string_view sanitized_copy(std::string_view bytes, bool replace_nul, std::size_t padding,
                                text_arena& arena) {
    char* const begin = arena.reserve(bytes.size() * 3 + padding);
    char* cursor = begin;
    while (!bytes.empty()) {
        std::size_t const length = character_length(bytes);
        if (length == 0) {
            cursor = append(cursor, replacement);
        } else if (replace_nul && bytes.front() == '\0') {
            cursor = append(cursor, picture_of_nul);
        } else {
            cursor = append(cursor, bytes.substr(0, length));
        }

        // A bad byte is replaced alone, so that the valid character after it is not lost.
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    auto const size = static_cast<std::size_t>(cursor - begin);
    std::memset(cursor, 0, padding);
    arena.shrink_last(size + padding);
    return {begin, size};
}

bool holds_nul(std::string_view bytes) noexcept {
    return bytes.find('\0') != bytes.npos;
}

} // namespace

bool is_valid_utf8(std::string_view bytes) noexcept {
    return simdjson::validate_utf8(bytes.data(), bytes.size());
}

std::string_view sanitize_text(std::string_view bytes, text_arena& arena) {
    // The usual text is valid and needs no copy.
    if (!holds_nul(bytes) && is_valid_utf8(bytes)) {
        return bytes;
    }
    return sanitized_copy(bytes, true, 0, arena);
}

std::string_view replace_invalid_utf8(std::string_view bytes, std::size_t padding,
                                      text_arena& arena) {
    // NUL stays: the text is parsed next, and the parser decides about it.
    return sanitized_copy(bytes, false, padding, arena);
}

} // namespace tally::ingest
