#include "ingest/json/text.hpp"

#include "ingest/json/escape.hpp"

#include <cstring>

namespace tally::ingest {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_escaped(std::string& out, char c) {
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        out += "\\u00";
        out += hex_digits[static_cast<unsigned char>(c) >> 4];
        out += hex_digits[static_cast<unsigned char>(c) & 0x0f];
    }
}

constexpr bool needs_escape(char c) noexcept {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';

    // Most text needs no escape, so it is copied in long pieces.
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && !needs_escape(text[plain])) {
            ++plain;
        }
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (!text.empty()) {
            append_escaped(out, text.front());
            text.remove_prefix(1);
        }
    }
    out += '"';
}

} // namespace

std::string_view unescape_json(std::string_view content, text_arena& arena) {
    // Most strings have no escape and need no copy.
    std::size_t const first = content.find('\\');
    if (first == std::string_view::npos) {
        return content;
    }
    // An escape is never shorter than its character in UTF-8, so the copy fits.
    char* const begin = arena.reserve(content.size());
    std::memcpy(begin, content.data(), first);
    char* cursor = begin + first;
    content.remove_prefix(first);

    // Copy character by character; each escape becomes its character.
    while (!content.empty()) {
        // The parser has accepted the string, so invalid escapes do not occur; they are passed on
        // somehow.
        std::size_t taken = 1;
        if (content.front() != '\\' || content.size() == 1) {
            *cursor++ = content.front();
        } else if (content[1] == 'u') {
            unicode_escape const found = read_unicode_escape(content);
            cursor = append_utf8(cursor, found.length == 0 ? U'?' : found.value);
            taken = found.length == 0 ? 2 : found.length;
        } else {
            char const plain = unescaped(content[1]);
            *cursor++ = plain == 0 ? content[1] : plain;
            taken = 2;
        }
        content.remove_prefix(taken);
    }

    auto const size = static_cast<std::size_t>(cursor - begin);
    arena.shrink_last(size);
    return {begin, size};
}

void json_object_writer::separate() {
    if (!is_empty_) {
        out_ += ',';
    }
    is_empty_ = false;
}

void json_object_writer::member(std::string_view name, std::string_view text) {
    // Switches write every field, many of them empty; an absent member says the same.
    if (text.empty()) {
        return;
    }
    separate();
    append_quoted(out_, name);
    out_ += ':';
    append_quoted(out_, text);
}

void json_object_writer::members_of(std::string_view object) {
    // The object is one that append_json_value() has written: without blanks at its ends.
    std::string_view const members = object.substr(1, object.size() - 2);
    if (!members.empty()) {
        separate();
        out_.append(members);
    }
}

} // namespace tally::ingest
