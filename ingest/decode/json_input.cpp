#include "ingest/decode/json_input.hpp"

#include "ingest/json/brackets.hpp"

#include <bit>
#include <cstring>

namespace tally::ingest {
namespace {

using kind = json_token::kind;

kind kind_of(char first) noexcept {
    switch (first) {
    case '"':
        return kind::string;
    case '{':
        return kind::object;
    case '[':
        return kind::array;
    case 't':
    case 'f':
        return kind::boolean;
    case 'n':
        return kind::null;
    default:
        return first == '-' || (first >= '0' && first <= '9') ? kind::number : kind::absent;
    }
}

simdjson::error_code read_nested(simdjson::ondemand::value& value, json_token& out) noexcept {
    simdjson::ondemand::object object;
    simdjson::ondemand::array array;

    // The text of the value is taken as written; the reader that needs its members checks them.
    simdjson::error_code error = simdjson::SUCCESS;
    if (out.is == kind::object) {
        error = value.get_object().get(object);
        error = error ? error : object.raw_json().get(out.text);
    } else {
        error = value.get_array().get(array);
        error = error ? error : array.raw_json().get(out.text);
    }
    if (error) {
        return error;
    }

    // simdjson bounds the depth only of what it walks through, and raw_json() skips by counting
    // brackets.
    out.text = trimmed(out.text);
    return check_json_depth(out.text) == record_error::none ? simdjson::SUCCESS
                                                            : simdjson::DEPTH_ERROR;
}

bool is_word(json_token const& token) noexcept {
    return token.is == kind::null ? token.text == "null"
                                  : token.text == "true" || token.text == "false";
}

/// Whether the brackets of `line` are balanced and enclose all of it.
bool is_complete_value(std::string_view line) noexcept {
    bool is_complete = false;
    visit_brackets(line, [&](int depth, std::size_t index) {
        bool const closes = line[index] == '}' || line[index] == ']';
        bool const is_end = closes && depth == 0;
        is_complete = is_end && index + 1 == line.size();
        return !is_end;
    });
    return is_complete;
}

} // namespace

simdjson::error_code read_token(simdjson::ondemand::value& value, json_token& out) noexcept {
    std::string_view const raw = value.raw_json_token();
    out.is = raw.empty() ? kind::absent : kind_of(raw.front());
    if (out.is == kind::object || out.is == kind::array) {
        return read_nested(value, out);
    }

    // simdjson checks a value only when it is converted, so the token's form is checked here.
    out.text = trimmed(raw);
    switch (out.is) {
    case kind::string:
        if (out.text.size() < 2 || out.text.back() != '"') {
            return simdjson::STRING_ERROR;
        }
        out.text = out.text.substr(1, out.text.size() - 2);
        return simdjson::SUCCESS;
    case kind::number:
        return simdjson::SUCCESS;
    default:
        return is_word(out) ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
    }
}

std::string_view key_of(simdjson::ondemand::field& field) noexcept {
    // The parser has seen the key's closing quote, so the search ends inside the input.
    char const* const begin = field.key().raw();
    return {begin, static_cast<std::size_t>(std::strchr(begin, '"') - begin)};
}

json_parser& json_parser::of_this_thread() {
    // A parser's buffers are reused for all inputs of a thread: decoding allocates nothing per
    // record.
    thread_local json_parser parser;
    return parser;
}

simdjson::error_code json_parser::iterate(std::string_view text,
                                          simdjson::ondemand::document& document) {
    if (parser_.capacity() < text.size() || parser_.capacity() == 0) {
        // Powers of two: records of growing length do not allocate each time.
        std::size_t const room = std::bit_ceil(std::max(text.size(), bytes_min));
        if (auto const error = parser_.allocate(room, json_depth_max)) {
            return error;
        }
    }
    return parser_.iterate(padded(text)).get(document);
}

void json_parser::trim() noexcept {
    // Otherwise one large body would hold six times its size in this thread for good.
    if (parser_.capacity() > bytes_kept_max) {
        parser_ = simdjson::ondemand::parser{};
    }
}

body_shape shape_of(std::string_view body) noexcept {
    if (body.empty()) {
        return body_shape::empty;
    }
    // A bracket can only begin an array: no record is one.
    if (body.front() == '[') {
        return body_shape::array;
    }

    // The first line decides: a complete value, or a second line that begins like a record, means
    // NDJSON.
    std::size_t const end = body.find('\n');
    if (end == std::string_view::npos) {
        return body_shape::document;
    }

    // Blank lines between records are allowed, so the next line with content counts.
    std::string_view rest = body.substr(end);
    rest.remove_prefix(std::min(rest.find_first_not_of("\r\n"), rest.size()));
    if (body.front() != '{' || rest.starts_with('{') ||
        is_complete_value(trimmed(body.substr(0, end)))) {
        return body_shape::lines;
    }
    return body_shape::document_or_lines;
}

} // namespace tally::ingest
