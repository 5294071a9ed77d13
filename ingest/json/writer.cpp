#include "ingest/json/writer.hpp"

#include <cstddef>

namespace tally::ingest {

namespace {

/// Length of the well-formed UTF-8 sequence at the beginning of `text` (Unicode table 3-7), or 0.
std::size_t sequence_length(std::string_view text) noexcept {
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char const first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    std::size_t const length = first < 0xc2   ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || text.size() < length) {
        return 0;
    }

    // The second byte has narrower bounds where a sequence would be overlong, a surrogate or
    // beyond U+10FFFF.
    unsigned char const low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char const high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < low || byte(1) > high) {
        return 0;
    }
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

void append_control(std::string& out, unsigned char c) {
    static constexpr char digits[] = "0123456789abcdef";
    out += "\\u00";
    out += digits[c >> 4];
    out += digits[c & 0xf];
}

} // namespace

void json_writer::comma() {
    if (needs_comma_) {
        text_ += ',';
    }
    needs_comma_ = true;
}

json_writer& json_writer::open(char bracket) {
    comma();
    text_ += bracket;
    needs_comma_ = false;
    return *this;
}

json_writer& json_writer::close(char bracket) {
    text_ += bracket;
    needs_comma_ = true;
    return *this;
}

json_writer& json_writer::key(std::string_view name) {
    comma();
    append_string(name);
    text_ += ':';
    needs_comma_ = false;
    return *this;
}

json_writer& json_writer::value(std::string_view text) {
    comma();
    append_string(text);
    return *this;
}

json_writer& json_writer::literal(std::string_view text) {
    comma();
    text_ += text;
    return *this;
}

void json_writer::append_string(std::string_view text) {
    text_ += '"';

    // Input of any encoding becomes valid JSON: a text quotes what a sender sent.
    while (!text.empty()) {
        std::size_t const length = sequence_length(text);
        auto const first = static_cast<unsigned char>(text[0]);
        if (length == 0) {
            text_ += "\xef\xbf\xbd"; // U+FFFD
        } else if (first == '"' || first == '\\') {
            text_ += '\\';
            text_ += text[0];
        } else if (first < 0x20 || first == 0x7f) {
            append_control(text_, first);
        } else {
            text_ += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    text_ += '"';
}

} // namespace tally::ingest
