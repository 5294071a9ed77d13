#include "rating/plan/features.hpp"

#include "rating/plan/values.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace tally::rating {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// As for all JSON that the product takes; it bounds the recursion.
constexpr int depth_max = 64;

/// Writes a value as JSON or as TOML. The two differ in the separator between key and value and in
/// the values that exist. A JSON string is also a TOML basic string, except for \u007f, which
/// is_plain_text refuses.
class feature_writer {
  public:
    explicit feature_writer(bool as_toml) : as_toml_(as_toml) {}

    /// Returns false for a value that the language does not have.
    bool write(element const& value, int depth);
    [[nodiscard]] std::string take() && noexcept { return std::move(text_); }

  private:
    bool write_object(simdjson::dom::object const& object, int depth);
    bool write_array(simdjson::dom::array const& array, int depth);
    bool write_key(std::string_view key);
    bool write_text(std::string_view value);
    bool write_double(double value);

    bool as_toml_;
    std::string text_;
};

bool feature_writer::write_text(std::string_view value) {
    text_ += toml_string(value);
    return is_plain_text(value, true);
}

/// TOML needs no quotes around plain names.
bool feature_writer::write_key(std::string_view key) {
    constexpr std::string_view bare =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (as_toml_ && !key.empty() && key.find_first_not_of(bare) == std::string_view::npos) {
        text_ += key;
        return true;
    }
    return write_text(key);
}

bool feature_writer::write_double(double value) {
    std::array<char, 64> digits{};
    // The shortest text that reads back as the same double, so that equal values give equal text.
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    text_.append(digits.data(), end.ptr);
    return true;
}

bool feature_writer::write_object(simdjson::dom::object const& object, int depth) {
    std::vector<std::pair<std::string_view, element>> fields;
    for (auto const field : object) {
        fields.emplace_back(field.key, field.value);
    }

    // Of equal keys keep the last, as jsonb does: it becomes the first one of its key.
    std::ranges::reverse(fields);
    std::ranges::stable_sort(fields, {}, &std::pair<std::string_view, element>::first);
    fields.erase(std::unique(fields.begin(), fields.end(),
                             [](auto const& a, auto const& b) { return a.first == b.first; }),
                 fields.end());

    text_ += '{';
    for (auto const& [key, value] : fields) {
        text_ += &key == &fields.front().first ? (as_toml_ ? " " : "") : (as_toml_ ? ", " : ",");
        bool const is_good = write_key(key);
        text_ += as_toml_ ? " = " : ":";
        if (!is_good || !write(value, depth + 1)) {
            return false;
        }
    }
    text_ += as_toml_ && !fields.empty() ? " }" : "}";
    return true;
}

bool feature_writer::write_array(simdjson::dom::array const& array, int depth) {
    text_ += '[';
    bool is_first = true;
    for (auto const value : array) {
        text_ += is_first ? "" : (as_toml_ ? ", " : ",");
        is_first = false;
        if (!write(value, depth + 1)) {
            return false;
        }
    }
    text_ += ']';
    return true;
}

bool feature_writer::write(element const& value, int depth) {
    if (depth > depth_max) {
        return false;
    }

    // TOML has neither null nor numbers beyond 2^63, so a value with one is written as JSON text
    // instead.
    switch (value.type()) {
    case element_type::OBJECT:
        return write_object(value.get_object().value_unsafe(), depth);
    case element_type::ARRAY:
        return write_array(value.get_array().value_unsafe(), depth);
    case element_type::STRING:
        return write_text(value.get_string().value_unsafe());
    case element_type::DOUBLE:
        return write_double(value.get_double().value_unsafe());

    case element_type::BOOL:
        text_ += value.get_bool().value_unsafe() ? "true" : "false";
        break;
    case element_type::INT64:
        text_ += std::to_string(value.get_int64().value_unsafe());
        break;
    case element_type::UINT64:
        text_ += std::to_string(value.get_uint64().value_unsafe());
        return !as_toml_;
    default:
        text_ += "null";
        return !as_toml_;
    }
    return true;
}

} // namespace

std::string toml_string(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string quoted = "\"";
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted.append(1, '\\').append(1, c);
        } else if (c == '\n') {
            quoted += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            quoted.append("\\u00").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

std::optional<std::string> canonical_features(std::string_view json) {
    if (json.empty()) {
        return std::string{};
    }
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    element root;
    feature_writer writer{false};
    if (parser.parse(std::string{json}).get(root) != simdjson::SUCCESS ||
        root.get(object) != simdjson::SUCCESS || !writer.write(root, 0)) {
        return std::nullopt;
    }

    // No features and an empty object are the same, so they must compare equal.
    auto text = std::move(writer).take();
    return text == "{}" ? std::string{} : std::move(text);
}

std::string features_as_toml(std::string_view canonical) {
    simdjson::dom::parser parser;
    element root;
    feature_writer writer{true};
    if (parser.parse(std::string{canonical}).get(root) == simdjson::SUCCESS &&
        writer.write(root, 0)) {
        return std::move(writer).take();
    }
    return toml_string(canonical);
}

} // namespace tally::rating
