#include "ingest/json/value.hpp"

#include "ingest/json/brackets.hpp"
#include "ingest/json/escape.hpp"
#include "ingest/text/ascii.hpp"

namespace tally::ingest {
namespace {

constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Copies one JSON value token by token, and checks it against the grammar.
class json_copier {
  public:
    json_copier(std::string_view text, std::string& out) : text_(text), out_(out) {}

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
    /// Copies `c`, which may have blanks before it; false if the next character is another one.
    bool take(char c) {
        skip_blanks();
        if (text_.empty() || text_.front() != c) {
            return false;
        }
        copy(1);
        return true;
    }
    void copy(std::size_t count) {
        out_.append(text_.substr(0, count));
        text_.remove_prefix(count);
    }

    bool value(int depth) {
        skip_blanks();
        if (text_.empty()) {
            return false;
        }

        // The first character decides: JSON needs no look-ahead.
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
        // The recursion is bounded here, so no input can exhaust the stack.
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
    std::size_t digits(std::size_t index) const noexcept {
        while (index < text_.size() && is_digit(text_[index])) {
            ++index;
        }
        return index;
    }
    std::size_t number_length() const noexcept;

    std::string_view text_;
    std::string& out_;
    record_error error_ = record_error::not_json;
};

bool json_copier::string() {
    if (text_.empty() || text_.front() != '"') {
        return false;
    }
    copy(1);

    // In pieces up to the next quote or escape. Control characters must be escaped in JSON.
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

        // What ended the piece: the closing quote, or an escape that may need a replacement.
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

    // jsonb rejects NUL and half a surrogate pair, and one bad value would fail a whole batch.
    unicode_escape const found = read_unicode_escape(text_);
    if (found.value == picture_of_nul) {
        out_ += "\\u2400";
    } else if (found.value == replacement_character) {
        out_ += "\\ufffd";
    } else {
        out_.append(text_.substr(0, found.length));
    }
    text_.remove_prefix(found.length);
    return found.length != 0;
}

/// Length of the number at the front, by JSON's grammar; 0 if there is none.
std::size_t json_copier::number_length() const noexcept {
    std::size_t index = text_.starts_with('-') ? 1 : 0;
    std::size_t const whole = digits(index);
    if (whole == index || (text_[index] == '0' && whole > index + 1)) {
        return 0;
    }

    // The fraction and the exponent are optional, but never empty.
    index = whole;
    if (index < text_.size() && text_[index] == '.') {
        std::size_t const fraction = digits(index + 1);
        if (fraction == index + 1) {
            return 0;
        }
        index = fraction;
    }

    if (index < text_.size() && (text_[index] == 'e' || text_[index] == 'E')) {
        ++index;
        if (index < text_.size() && (text_[index] == '+' || text_[index] == '-')) {
            ++index;
        }
        std::size_t const exponent = digits(index);
        return exponent == index ? 0 : exponent;
    }
    return index;
}

/// PostgreSQL's numeric holds 131072 digits before and 16383 after the point. The limit here is far
/// below that: no real value has a thousand digits.
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

    // The digits are kept as a string: the value is not lost, and jsonb accepts it.
    bool const as_string = exceeds_numeric(text_.substr(0, length));
    if (as_string) {
        out_ += '"';
    }
    copy(length);
    if (as_string) {
        out_ += '"';
    }
    return true;
}

} // namespace

record_error append_json_value(std::string_view text, std::string& out) {
    return json_copier(text, out).run();
}

record_error check_json_depth(std::string_view text) noexcept {
    // A text this short cannot open and close more brackets than are allowed.
    if (text.size() <= 2 * json_depth_max) {
        return record_error::none;
    }

    bool is_too_deep = false;
    visit_brackets(text, [&](int depth, std::size_t) {
        is_too_deep = depth > json_depth_max;
        return !is_too_deep;
    });
    return is_too_deep ? record_error::too_deep : record_error::none;
}

} // namespace tally::ingest
