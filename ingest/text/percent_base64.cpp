#include "ingest/text/percent_base64.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace tally::ingest {
namespace {

constexpr int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char const lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_escape(std::string_view text) noexcept {
    return text.size() >= 3 && text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
}

/// Writes `text` as base64 of the standard alphabet, without line breaks and padded with '='.
/// Returns its length; 0 if a character is in neither alphabet, or '=' is followed by something
/// else.
std::size_t normalise_base64(std::string_view text, char* cursor) noexcept {
    char* const begin = cursor;
    for (char const c : text) {
        if (c == '\r' || c == '\n') {
            continue;
        }

        // Both alphabets of RFC 4648 are taken, even mixed: senders disagree on the URL-safe one.
        bool const is_known = (hex_value(c) >= 0) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                              c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
        bool const follows_fill = cursor != begin && cursor[-1] == '=' && c != '=';
        if (!is_known || follows_fill) {
            return 0;
        }
        *cursor++ = c == '-' ? '+' : c == '_' ? '/' : c;
    }

    // OpenSSL decodes whole groups of four only.
    while ((cursor - begin) % 4 != 0) {
        *cursor++ = '=';
    }
    return static_cast<std::size_t>(cursor - begin);
}

std::size_t count_fill(std::string_view text) noexcept {
    return text.size() - std::min(text.find_last_not_of('=') + 1, text.size());
}

} // namespace

bool holds_percent_escape(std::string_view text) noexcept {
    std::size_t index = text.find('%');
    while (index != std::string_view::npos) {
        if (is_escape(text.substr(index))) {
            return true;
        }
        index = text.find('%', index + 1);
    }
    return false;
}

std::string_view percent_decode(std::string_view text, plus_sign plus, std::size_t padding,
                                text_arena& arena) {
    bool const has_plus = plus == plus_sign::is_blank && text.find('+') != text.npos;
    if (!has_plus && !holds_percent_escape(text)) {
        return text;
    }

    // Decoding only shortens. A '%' without two digits stays as it is: the text may be plain.
    char* const begin = arena.reserve(text.size() + padding);
    char* cursor = begin;
    while (!text.empty()) {
        std::size_t taken = 1;
        if (is_escape(text)) {
            *cursor++ = static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
            taken = 3;
        } else {
            *cursor++ = has_plus && text.front() == '+' ? ' ' : text.front();
        }
        text.remove_prefix(taken);
    }

    // The padding is cleared: simdjson reads it, and the arena may hold old text there.
    auto const size = static_cast<std::size_t>(cursor - begin);
    std::memset(cursor, 0, padding);
    arena.shrink_last(size + padding);
    return {begin, size};
}

std::optional<std::string_view> base64_decode(std::string_view text, std::size_t padding,
                                              text_arena& arena) {
    // OpenSSL counts in int; the half leaves room for what is added.
    if (text.size() > INT_MAX / 2) {
        return std::nullopt;
    }

    // Up to three '=' are added.
    char* const begin = arena.reserve(text.size() + 4 + padding);
    std::size_t const length = normalise_base64(text, begin);
    std::size_t const fill = count_fill({begin, length});
    if (length == 0 || fill > 2) {
        arena.shrink_last(0);
        return std::nullopt;
    }
    // Decodes in place: three bytes are written where four were read.
    auto* const bytes = reinterpret_cast<unsigned char*>(begin);
    int const written = EVP_DecodeBlock(bytes, bytes, static_cast<int>(length));
    if (written < 0 || static_cast<std::size_t>(written) < fill) {
        arena.shrink_last(0);
        return std::nullopt;
    }

    // OpenSSL counts the padding as zero bytes.
    std::size_t const size = static_cast<std::size_t>(written) - fill;
    std::memset(begin + size, 0, padding);
    arena.shrink_last(size + padding);
    return std::string_view{begin, size};
}

} // namespace tally::ingest
