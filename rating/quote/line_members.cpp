#include "rating/quote/line_members.hpp"

#include "ingest/json/error.hpp"

#include <simdjson.h>

namespace tally::rating {

namespace {

using ingest::record_error;
using kind = line_member::kind;
namespace ondemand = simdjson::ondemand;

/// A number, true, false or null. simdjson does not check a token that it does not convert, so the
/// checks are here; a number is not converted, since a double would lose digits.
simdjson::error_code read_word(ondemand::value& value, line_member& out) {
    // The token may have the blanks that follow it in the line.
    std::string_view const raw = value.raw_json_token();
    std::string_view const text = raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1);
    if (text == "null") {
        return value.is_null() ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
    out.text.assign(text);
    if (text == "true" || text == "false") {
        out.is = kind::boolean;
        return value.get_bool().error();
    }

    // Only the characters are checked here: the reader of the member knows which form it needs.
    out.is = kind::number;
    bool const is_number = !text.empty() &&
                           (text.front() == '-' || (text.front() >= '0' && text.front() <= '9')) &&
                           text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
    return is_number ? simdjson::SUCCESS : simdjson::NUMBER_ERROR;
}

simdjson::error_code read_string(ondemand::value& value, line_member& out) {
    std::string_view text;
    auto const error = value.get_string().get(text);
    // An empty text is absent, like null.
    out.is = text.empty() ? kind::absent : kind::string;
    out.text.assign(text);
    return error;
}

template <typename Nested>
simdjson::error_code read_nested(simdjson::simdjson_result<Nested> value, line_member& out) {
    Nested nested;
    if (auto const error = std::move(value).get(nested)) {
        return error;
    }
    std::string_view text;
    auto const error = nested.raw_json().get(text);
    out.is = kind::nested;
    out.text.assign(text);
    return error;
}

simdjson::error_code read_value(ondemand::value& value, line_member& out) {
    ondemand::json_type type{};
    if (auto const error = value.type().get(type)) {
        return error;
    }
    switch (type) {
    case ondemand::json_type::string:
        return read_string(value, out);
    case ondemand::json_type::array:
        return read_nested(value.get_array(), out);
    case ondemand::json_type::object:
        return read_nested(value.get_object(), out);
    default:
        return read_word(value, out);
    }
}

simdjson::error_code read_members(ondemand::object& object, bool in_properties,
                                  std::vector<line_member>& out);

simdjson::error_code read_member(ondemand::field& field, bool in_properties,
                                 std::vector<line_member>& out) {
    line_member member;
    member.in_properties = in_properties;
    std::string_view name;
    if (auto const error = field.unescaped_key().get(name)) {
        return error;
    }
    member.name.assign(name);

    // Only the outer object's "properties" is opened; within it an object is a value.
    ondemand::json_type type{};
    auto error = field.value().type().get(type);
    if (!error && !in_properties && type == ondemand::json_type::object &&
        member.name == "properties") {
        ondemand::object nested;
        error = field.value().get_object().get(nested);
        return error ? error : read_members(nested, true, out);
    }

    error = error ? error : read_value(field.value(), member);
    out.push_back(std::move(member));
    return error;
}

simdjson::error_code read_members(ondemand::object& object, bool in_properties,
                                  std::vector<line_member>& out) {
    for (auto each : object) {
        ondemand::field field;
        if (auto const error = std::move(each).get(field)) {
            return error;
        }
        if (auto const error = read_member(field, in_properties, out)) {
            return error;
        }
    }
    return simdjson::SUCCESS;
}

} // namespace

struct line_parser::impl {
    std::string buffer; ///< the line, followed by the padding that simdjson may read
    ondemand::parser parser;

    simdjson::error_code parse(std::string_view line, std::vector<line_member>& out);
};

simdjson::error_code line_parser::impl::parse(std::string_view line,
                                              std::vector<line_member>& out) {
    buffer.assign(line);
    buffer.append(simdjson::SIMDJSON_PADDING, '\0');

    // Copied, since the parser needs padding after the line. The buffer is kept for the next one.
    ondemand::document document;
    simdjson::padded_string_view const padded{buffer.data(), line.size(), buffer.size()};
    if (auto const error = parser.iterate(padded).get(document)) {
        return error;
    }
    ondemand::json_type type{};
    if (auto const error = document.type().get(type)) {
        return error; // an empty line
    }

    ondemand::object object;
    if (auto const error = document.get_object().get(object)) {
        return error;
    }
    if (auto const error = read_members(object, false, out)) {
        return error;
    }

    // simdjson stops after the object; anything that follows makes the line wrong.
    bool const at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    return at_end ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
}

line_parser::line_parser() : impl_(std::make_unique<impl>()) {}

line_parser::~line_parser() = default;

record_error line_parser::parse(std::string_view line, std::vector<line_member>& out) {
    out.clear();
    auto const error = impl_->parse(line, out);
    return ingest::json_error(error);
}

} // namespace tally::rating
