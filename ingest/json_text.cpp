#include "ingest/json_text.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace tally::ingest {
namespace {

constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

constexpr std::uint32_t not_hex = UINT32_MAX;

/// The four hex digits at the front of `text`, or not_hex.
std::uint32_t hex4(std::string_view text) noexcept {
    if (text.size() < 4) {
        return not_hex;
    }
    std::uint32_t value = 0;
    for (char const c : text.substr(0, 4)) {
        char const lower = static_cast<char>(c | 0x20);
        if (is_digit(c)) {
            value = value * 16 + static_cast<std::uint32_t>(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
        } else {
            return not_hex;
        }
    }
    return value;
}

constexpr bool is_high_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xD800 && unit < 0xDC00;
}
constexpr bool is_low_surrogate(std::uint32_t unit) noexcept {
    return unit >= 0xDC00 && unit < 0xE000;
}

constexpr std::uint32_t replacement = 0xFFFD;
constexpr std::uint32_t picture_of_nul = 0x2400;

/// A \u escape: its character and how many bytes of text it took; 0 bytes when it is none.
struct escaped_character {
    std::uint32_t value = replacement;
    std::size_t length = 0;
};

/// `text` begins with "\u".
escaped_character read_unicode_escape(std::string_view text) noexcept {
    std::uint32_t const unit = hex4(text.substr(2));
    if (unit == not_hex) {
        return {};
    }
    if (is_high_surrogate(unit) && text.substr(6).starts_with("\\u")) {
        std::uint32_t const low = hex4(text.substr(8));
        if (low != not_hex && is_low_surrogate(low)) {
            return {0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), 12};
        }
    }
    if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
        return {replacement, 6};
    }
    return {unit == 0 ? picture_of_nul : unit, 6};
}

char* append_utf8(char* to, std::uint32_t value) noexcept {
    auto const put = [&to](std::uint32_t byte) { *to++ = static_cast<char>(byte); };
    if (value < 0x80) {
        put(value);
    } else if (value < 0x800) {
        put(0xC0 | value >> 6);
        put(0x80 | (value & 0x3F));
    } else if (value < 0x10000) {
        put(0xE0 | value >> 12);
        put(0x80 | (value >> 6 & 0x3F));
        put(0x80 | (value & 0x3F));
    } else {
        put(0xF0 | value >> 18);
        put(0x80 | (value >> 12 & 0x3F));
        put(0x80 | (value >> 6 & 0x3F));
        put(0x80 | (value & 0x3F));
    }
    return to;
}

/// What stands for a character behind a backslash; 0 when nothing does.
constexpr char unescaped(char c) noexcept {
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/// Copies one JSON value token by token.
class json_copier {
  public:
    json_copier(std::string_view text, std::string& to) : text_(text), to_(to) {}

    record_error run() {
        skip_blanks();
        if (!value(1)) {
            return error_;
        }
        skip_blanks();
        return text_.empty() ? record_error::none : record_error::not_json;
    }

  private:
    void skip_blanks() noexcept {
        while (!text_.empty() && is_blank(text_.front())) {
            text_.remove_prefix(1);
        }
    }
    /// Takes `c`, which may have blanks before it.
    bool take(char c) {
        skip_blanks();
        if (text_.empty() || text_.front() != c) {
            return false;
        }
        copy(1);
        return true;
    }
    void copy(std::size_t count) {
        to_.append(text_.substr(0, count));
        text_.remove_prefix(count);
    }

    bool value(int depth) {
        skip_blanks();
        if (text_.empty()) {
            return false;
        }
        switch (text_.front()) {
        case '{':
            return nested(depth, '}', true);
        case '[':
            return nested(depth, ']', false);
        case '"':
            return string();
        case 't':
            return literal("true");
        case 'f':
            return literal("false");
        case 'n':
            return literal("null");
        default:
            return number();
        }
    }
    bool nested(int depth, char close, bool has_keys) {
        if (depth > json_depth_max) {
            error_ = record_error::too_deep;
            return false;
        }
        copy(1);
        if (take(close)) {
            return true;
        }
        do {
            skip_blanks();
            if (has_keys && !(string() && take(':'))) {
                return false;
            }
            if (!value(depth + 1)) {
                return false;
            }
        } while (take(','));
        return take(close);
    }
    bool literal(std::string_view word) {
        if (!text_.starts_with(word)) {
            return false;
        }
        copy(word.size());
        return true;
    }
    bool string();
    bool escape();
    bool number();
    std::size_t digits(std::size_t at) const noexcept {
        while (at < text_.size() && is_digit(text_[at])) {
            ++at;
        }
        return at;
    }
    std::size_t number_length() const noexcept;

    std::string_view text_;
    std::string& to_;
    record_error error_ = record_error::not_json;
};

bool json_copier::string() {
    if (text_.empty() || text_.front() != '"') {
        return false;
    }
    copy(1);
    for (;;) {
        std::size_t plain = 0;
        while (plain < text_.size() && text_[plain] != '"' && text_[plain] != '\\') {
            if (static_cast<unsigned char>(text_[plain]) < 0x20) {
                return false;
            }
            ++plain;
        }
        copy(plain);
        if (text_.empty()) {
            return false;
        }
        if (text_.front() == '"') {
            copy(1);
            return true;
        }
        if (!escape()) {
            return false;
        }
    }
}

bool json_copier::escape() {
    if (text_.size() < 2) {
        return false;
    }
    if (text_[1] != 'u') {
        bool const is_known = unescaped(text_[1]) != 0;
        copy(2);
        return is_known;
    }
    escaped_character const found = read_unicode_escape(text_);
    if (found.value == picture_of_nul) {
        to_ += "\\u2400";
    } else if (found.value == replacement) {
        to_ += "\\ufffd";
    } else {
        to_.append(text_.substr(0, found.length));
    }
    text_.remove_prefix(found.length);
    return found.length != 0;
}

/// Length of the number at the front, by JSON's grammar; 0 when there is none.
std::size_t json_copier::number_length() const noexcept {
    std::size_t at = text_.starts_with('-') ? 1 : 0;
    std::size_t const whole = digits(at);
    if (whole == at || (text_[at] == '0' && whole > at + 1)) {
        return 0;
    }
    at = whole;
    if (at < text_.size() && text_[at] == '.') {
        std::size_t const fraction = digits(at + 1);
        if (fraction == at + 1) {
            return 0;
        }
        at = fraction;
    }
    if (at < text_.size() && (text_[at] == 'e' || text_[at] == 'E')) {
        ++at;
        if (at < text_.size() && (text_[at] == '+' || text_[at] == '-')) {
            ++at;
        }
        std::size_t const exponent = digits(at);
        return exponent == at ? 0 : exponent;
    }
    return at;
}

/// PostgreSQL's numeric takes 131072 digits before and 16383 behind the point; nobody needs them.
bool exceeds_numeric(std::string_view number) noexcept {
    constexpr std::size_t digits_max = 1000;
    constexpr std::size_t exponent_digits_max = 3;
    std::size_t const e = number.find_first_of("eE");
    if (e == std::string_view::npos) {
        return number.size() > digits_max;
    }
    std::size_t const exponent = number.find_first_of("123456789", e);
    return e > digits_max ||
           (exponent != std::string_view::npos && number.size() - exponent > exponent_digits_max);
}

bool json_copier::number() {
    std::size_t const length = number_length();
    if (length == 0) {
        return false;
    }
    bool const as_string = exceeds_numeric(text_.substr(0, length));
    if (as_string) {
        to_ += '"';
    }
    copy(length);
    if (as_string) {
        to_ += '"';
    }
    return true;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_escaped(std::string& to, char c) {
    switch (c) {
    case '"':
        to += "\\\"";
        return;
    case '\\':
        to += "\\\\";
        return;
    case '\n':
        to += "\\n";
        return;
    case '\r':
        to += "\\r";
        return;
    case '\t':
        to += "\\t";
        return;
    default:
        to += "\\u00";
        to += hex_digits[static_cast<unsigned char>(c) >> 4];
        to += hex_digits[static_cast<unsigned char>(c) & 0x0f];
    }
}

constexpr bool needs_escape(char c) noexcept {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

void append_quoted(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && !needs_escape(text[plain])) {
            ++plain;
        }
        to.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (!text.empty()) {
            append_escaped(to, text.front());
            text.remove_prefix(1);
        }
    }
    to += '"';
}

} // namespace

record_error append_json_value(std::string_view text, std::string& to) {
    return json_copier(text, to).run();
}

record_error check_json_depth(std::string_view text) noexcept {
    // Nothing so short can open and close more brackets than are allowed.
    if (text.size() <= 2 * json_depth_max) {
        return record_error::none;
    }
    int depth = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char const c = text[at];
        if (in_string) {
            at += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > json_depth_max) {
                return record_error::too_deep;
            }
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return record_error::none;
}

std::string_view unescape_json(std::string_view content, text_arena& arena) {
    std::size_t const first = content.find('\\');
    if (first == std::string_view::npos) {
        return content;
    }
    // No escape is shorter than the character it stands for.
    char* const begin = arena.reserve(content.size());
    std::memcpy(begin, content.data(), first);
    char* to = begin + first;
    content.remove_prefix(first);
    while (!content.empty()) {
        std::size_t taken = 1;
        if (content.front() != '\\' || content.size() == 1) {
            *to++ = content.front();
        } else if (content[1] == 'u') {
            escaped_character const found = read_unicode_escape(content);
            to = append_utf8(to, found.length == 0 ? U'?' : found.value);
            taken = found.length == 0 ? 2 : found.length;
        } else {
            char const plain = unescaped(content[1]);
            *to++ = plain == 0 ? content[1] : plain;
            taken = 2;
        }
        content.remove_prefix(taken);
    }
    auto const size = static_cast<std::size_t>(to - begin);
    arena.shrink_last(size);
    return {begin, size};
}

void json_object_writer::separate() {
    if (!is_empty_) {
        to_ += ',';
    }
    is_empty_ = false;
}

void json_object_writer::member(std::string_view name, std::string_view text) {
    if (text.empty()) {
        return;
    }
    separate();
    append_quoted(to_, name);
    to_ += ':';
    append_quoted(to_, text);
}

void json_object_writer::members_of(std::string_view object) {
    std::string_view const members = object.substr(1, object.size() - 2);
    if (!members.empty()) {
        separate();
        to_.append(members);
    }
}

} // namespace tally::ingest
