#include "ingest/push/cloudevents_binary.hpp"

#include "ingest/base/text_arena.hpp"
#include "ingest/json/utf8_text.hpp"
#include "ingest/json/value.hpp"
#include "ingest/json/writer.hpp"
#include "ingest/text/ascii.hpp"
#include "ingest/text/percent_base64.hpp"
#include "ingest/text/trim.hpp"

#include <algorithm>
#include <optional>

#include <openssl/evp.h>

namespace tally::ingest {
namespace {

constexpr std::string_view prefix = "ce-";
constexpr std::string_view version_field = "ce-specversion";
/// curl's default type for a posted body. No event's data is a form.
constexpr std::string_view form_type = "application/x-www-form-urlencoded";

std::string in_lower_case(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    });
    return lower;
}

/// Reads the quoted string at the front of `text`, with its escapes resolved, and moves `text` past
/// it. nullopt: the string is never closed, and `text` is unchanged.
std::optional<std::string> take_quoted(std::string_view& text) {
    std::string content;
    for (std::size_t index = 1; index < text.size(); ++index) {
        if (text[index] == '"') {
            text.remove_prefix(index + 1);
            return content;
        }
        // A backslash escapes the character after it, also a quote.
        index += text[index] == '\\' && index + 1 < text.size() ? 1 : 0;
        content += text[index];
    }
    return std::nullopt;
}

/// Earlier versions of the standard put values in double quotes; a quote without its partner is an
/// ordinary character.
std::string without_quotes(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        std::string_view const before = text.substr(0, text.find('"'));
        plain += before;
        text.remove_prefix(before.size());
        if (auto const content = text.empty() ? std::nullopt : take_quoted(text)) {
            plain += *content;
        } else {
            plain += text;
            text = {};
        }
    }
    return plain;
}

/// Subtype json, or anything + json. `type` is in lower case, without parameters.
bool is_json(std::string_view type) noexcept {
    return type.empty() || type == form_type || type.ends_with("/json") || type.ends_with("+json");
}

/// "Text/Plain; charset=x" → "text/plain".
std::string media_type(std::string_view content_type) {
    return in_lower_case(trimmed(content_type.substr(0, content_type.find(';'))));
}

/// Text whose JSON form is at most twice its size; control characters would make it six times as
/// large.
bool is_plain_text(std::string_view bytes) noexcept {
    auto const is_control = [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
    };
    return std::ranges::none_of(bytes, is_control) && is_valid_utf8(bytes);
}

std::string base64(std::string_view bytes) {
    // Three bytes become four characters; the encoder adds a NUL.
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    int const size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<unsigned char const*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

binary_event_fault add_json(json_writer& json, std::string_view data) {
    text_arena sanitized;

    // The data is checked here, before it is wrapped in the event: a body such as `1,"id":"x"` must
    // not become attributes of the event.
    data = strip_bom(data);
    data = is_valid_utf8(data) ? data : replace_invalid_utf8(data, 0, sanitized);
    std::string value;
    auto const error = append_json_value(data, value);
    if (error == record_error::too_deep) {
        return {error, std::string{explain(error)}};
    }
    if (error != record_error::none) {
        return {record_error::bad_data, "the body must be the event's data, and is not JSON"};
    }
    json.key("data").raw(value);
    return {};
}

} // namespace

bool is_binary_event(http_head const& head) noexcept {
    constexpr std::string_view structured = "application/cloudevents";
    std::string_view const type = head.field("Content-Type").substr(0, structured.size());
    return !equal_ignoring_case(type, structured) &&
           std::ranges::any_of(head.fields, [](http_field const& each) {
               return equal_ignoring_case(each.name, version_field);
           });
}

binary_event_fault read_binary_event(http_head const& head, binary_event& event) {
    event.data_type = head.field("Content-Type");
    for (http_field const& each : head.fields) {
        // Names of fields have no case; attributes are in lower case by the standard.
        std::string name = in_lower_case(each.name);
        if (!name.starts_with(prefix)) {
            continue;
        }

        // Values are percent-encoded UTF-8 (HTTP protocol binding, section 3.1.3.2).
        text_arena arena;
        std::string const plain = without_quotes(trimmed(each.value));
        std::string_view const value = percent_decode(plain, plus_sign::is_plus, 0, arena);
        if (!is_valid_utf8(value)) {
            return {record_error::bad_encoding,
                    "the field " + name + " is not percent-encoded UTF-8"};
        }
        std::string attribute = name.substr(prefix.size());

        // An attribute that is given twice could be read as either value.
        bool const is_twice = std::ranges::any_of(
            event.attributes, [&](auto const& known) { return known.first == attribute; });
        if (is_twice || attribute == "data" || attribute == "data_base64") {
            return {record_error::bad_attribute,
                    is_twice ? "the field " + name + " is given twice"
                             : "data must be the body, not the field " + name};
        }
        // The standard has no ce-* field for it: it is the Content-Type.
        if (attribute != "datacontenttype") {
            event.attributes.emplace_back(std::move(attribute), value);
        }
    }
    return {};
}

binary_event_fault write_structured(binary_event const& event, std::string_view data,
                                    std::string& out) {
    json_writer json;
    json.open('{');
    for (auto const& [name, value] : event.attributes) {
        json.key(name).value(value);
    }

    // curl's default type says nothing about the data.
    std::string const type = media_type(event.data_type);
    if (!type.empty() && type != form_type) {
        json.key("datacontenttype").value(event.data_type);
    }

    // JSON stays JSON, text becomes a string, everything else is base64.
    if (!data.empty() && is_json(type)) {
        if (auto fault = add_json(json, data)) {
            return fault;
        }
    } else if (!data.empty() && type.starts_with("text/") && is_plain_text(data)) {
        json.key("data").value(data);
    } else if (!data.empty()) {
        json.key("data_base64").value(base64(data));
    }
    out = std::move(json.close('}')).text();
    return {};
}

} // namespace tally::ingest
