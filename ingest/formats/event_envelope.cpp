#include "ingest/formats/event_envelope.hpp"

#include "ingest/json/utf8_text.hpp"
#include "ingest/json/value.hpp"
#include "ingest/text/ascii.hpp"
#include "ingest/text/percent_base64.hpp"
#include "ingest/text/timestamp.hpp"

#include <string>

namespace tally::ingest {
namespace {

using kind = json_token::kind;
using attribute = event_attribute;

constexpr bool is_lower_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// A JSON number that is a 32-bit integer without fraction and exponent (section 3.1, Integer).
bool is_integer32(std::string_view text) noexcept {
    auto const value =
        text.find_first_of(".eE") == text.npos ? parse_decimal(text, 0) : std::nullopt;
    return value && *value >= INT32_MIN && *value <= INT32_MAX;
}

record_fault extension_fault(std::string_view name, json_token const& token) noexcept {
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_lower_or_digit)) {
        return {
            record_error::bad_attribute, {}, "an attribute's name may contain a-z and 0-9 only"};
    }

    // JSON has fewer types than the standard: binary, URI and timestamp are strings in it.
    bool const is_simple = token.is == kind::string || token.is == kind::boolean ||
                           token.is == kind::null ||
                           (token.is == kind::number && is_integer32(token.text));
    return is_simple ? record_fault{}
                     : record_fault{record_error::bad_attribute,
                                    {},
                                    "an extension attribute is a string, a 32-bit integer or a "
                                    "boolean"};
}

/// Whether a text may be a URI-reference (RFC 3986): only characters that it cannot contain are
/// rejected.
bool is_uri_reference(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == 0x7f ||
               std::string_view{"<>\"{}|\\^`"}.find(c) != std::string_view::npos;
    });
}

bool is_token_char(char c) noexcept {
    return static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 0x7f &&
           std::string_view{"()<>@,;:\\\"/[]?="}.find(c) == std::string_view::npos;
}

/// The "type/subtype" of a media type (RFC 2046), without its parameters.
std::optional<std::string_view> media_type(std::string_view text) noexcept {
    std::string_view const name = trimmed(text.substr(0, text.find(';')));
    auto const slash = name.find('/');
    bool const is_one =
        slash != name.npos && slash != 0 && slash + 1 < name.size() &&
        std::all_of(name.begin(), name.end(), [](char c) { return c == '/' || is_token_char(c); });
    return is_one && name.find('/', slash + 1) == name.npos ? std::optional{name} : std::nullopt;
}

bool is_json_type(std::string_view name) noexcept {
    auto const subtype = name.substr(name.find('/') + 1);
    auto const plus = subtype.rfind('+');
    return equal_ignoring_case(subtype, "json") ||
           (plus != subtype.npos && equal_ignoring_case(subtype.substr(plus + 1), "json"));
}

/// Strict RFC 3339; read_time_text is lenient.
bool is_rfc3339(std::string_view text) noexcept {
    if (text.size() < 20 || (text[10] != 'T' && text[10] != 't')) {
        return false;
    }

    // The zone is required: a time without one would depend on where it is read.
    if (text.back() == 'Z' || text.back() == 'z') {
        return true;
    }
    auto const zone = text.substr(text.size() - 6);
    return (zone[0] == '+' || zone[0] == '-') && is_digit(zone[1]) && is_digit(zone[2]) &&
           zone[3] == ':' && is_digit(zone[4]) && is_digit(zone[5]);
}

/// Reads the attributes of one event; every step returns false at the first fault.
class attribute_reader {
  public:
    attribute_reader(event_envelope const& envelope, text_arena& arena)
        : envelope_(envelope), arena_(arena) {}

    [[nodiscard]] record_fault const& fault() const noexcept { return fault_; }

    bool text(attribute name, bool is_required, std::string_view& out) {
        json_token const& token = envelope_.at(name);
        if (token.is == kind::absent || token.is == kind::null) {
            return !is_required ||
                   fail(record_error::missing_field, name, "CloudEvents require this attribute");
        }
        if (token.is != kind::string) {
            return fail(record_error::bad_type, name, "expected a string");
        }

        // The standard forbids empty attributes; leaving one out says the same.
        out = text_of(token, arena_);
        if (out.empty()) {
            return fail(is_required ? record_error::missing_field : record_error::bad_attribute,
                        name, "the attribute is empty");
        }
        return out.size() <= text_bytes_max ||
               fail(record_error::field_too_long, name, "over 1024 bytes");
    }
    bool version() {
        std::string_view found;
        return text(attribute::specversion, true, found) &&
               (found == "1.0" ||
                fail(record_error::bad_spec_version, attribute::specversion, "expected \"1.0\""));
    }
    bool time(time_us received, event& out) {
        std::string_view words;
        if (!text(attribute::time, false, words)) {
            return false;
        }
        out.time_assumed = words.empty();
        out.occurred = received;
        if (words.empty()) {
            return true;
        }

        // Both checks are needed: is_rfc3339 knows the form, read_time_text the calendar.
        auto const read = read_time_text(words);
        out.occurred = read.value;
        return (is_rfc3339(words) && read.is == time_reading::form::utc) ||
               fail(record_error::bad_time, attribute::time, "expected RFC 3339 with a zone");
    }
    bool source(event& out) {
        return text(attribute::source, true, out.source) &&
               (is_uri_reference(out.source) ||
                fail(record_error::bad_attribute, attribute::source, "expected a URI reference"));
    }
    bool content_type() {
        std::string_view found;
        return text(attribute::datacontenttype, false, found) &&
               (found.empty() || media_type(found) ||
                fail(record_error::bad_attribute, attribute::datacontenttype,
                     "expected a media type like application/json"));
    }
    bool extensions() {
        fault_ = envelope_.extension;
        return !fault_;
    }
    bool one_data() {
        return is_there(attribute::data) && is_there(attribute::data_base64)
                   ? fail(record_error::bad_data, attribute::data,
                          "both data and data_base64 are given")
                   : base64_is_text();
    }

  private:
    bool is_there(attribute name) const noexcept {
        auto const is = envelope_.at(name).is;
        return is != kind::absent && is != kind::null;
    }
    bool base64_is_text() {
        auto const& token = envelope_.at(attribute::data_base64);
        return !is_there(attribute::data_base64) || token.is == kind::string ||
               fail(record_error::bad_type, attribute::data_base64, "expected a string");
    }
    bool fail(record_error error, attribute name, std::string_view detail) noexcept {
        fault_ = {error, event_attribute_keys.name(static_cast<std::size_t>(name)), detail};
        return false;
    }

    event_envelope const& envelope_;
    text_arena& arena_;
    record_fault fault_;
};

record_fault no_object(std::string_view detail) noexcept {
    return {record_error::bad_data, "data", detail};
}

/// Strict base64 (RFC 4648 section 4): padded, without line breaks.
bool is_strict_base64(std::string_view text) noexcept {
    auto const padding = text.size() - std::min(text.find('='), text.size());
    auto const body = text.substr(0, text.size() - padding);
    return text.size() % 4 == 0 && padding <= 2 &&
           text.substr(body.size()).find_first_not_of('=') == text.npos &&
           std::all_of(body.begin(), body.end(), [](char c) {
               return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
           });
}

/// The JSON text of an event's data, which must be an object.
record_fault object_text(event_envelope const& envelope, text_arena& arena, std::string_view& out) {
    json_token const& token = envelope.at(attribute::data);
    out = token.text;
    bool is_object = token.is == kind::object;

    // The data may be base64 of JSON text, or missing: then it is an empty object.
    if (json_token const& base64 = envelope.at(attribute::data_base64); base64.is == kind::string) {
        auto const plain = text_of(base64, arena);
        auto const bytes = is_strict_base64(plain) ? base64_decode(plain, 0, arena) : std::nullopt;
        if (!bytes) {
            return {record_error::bad_encoding, "data_base64", "not padded base64"};
        }
        out = trimmed(*bytes);
        is_object = out.starts_with('{') && is_valid_utf8(out);
    } else if (token.is == kind::absent || token.is == kind::null) {
        out = "{}";
        is_object = true;
    }
    return is_object ? record_fault{} : no_object("expected a JSON object");
}

} // namespace

simdjson::error_code read_envelope(simdjson::ondemand::object& object,
                                   event_envelope& out) noexcept {
    out = {};
    for (auto each : object) {
        simdjson::ondemand::field field;
        if (auto const error = std::move(each).get(field)) {
            return error;
        }
        json_token token;
        if (auto const error = read_token(field.value(), token)) {
            return error;
        }

        // The first bad extension is kept, and reported after the attributes of the standard.
        std::string_view const name = key_of(field);
        std::size_t const index = event_attribute_keys.find(name);
        if (index != event_attribute_keys.absent) {
            out.tokens[index] = token;
        } else if (!out.extension) {
            out.extension = extension_fault(name, token);
        }
    }
    return simdjson::SUCCESS;
}

record_fault read_attributes(event_envelope const& envelope, time_us received, text_arena& arena,
                             event& out) {
    attribute_reader reader(envelope, arena);
    // The version first: under another one the other attributes may mean something else.
    std::string_view schema;
    bool const ok = reader.version() && reader.text(attribute::id, true, out.event_id) &&
                    reader.source(out) && reader.text(attribute::type, true, out.type) &&
                    reader.text(attribute::subject, false, out.subject) &&
                    reader.time(received, out) && reader.content_type() &&
                    reader.text(attribute::dataschema, false, schema) && reader.one_data() &&
                    reader.extensions();
    if (!ok) {
        return reader.fault();
    }

    // The zero byte separates the two: a URI reference cannot contain it.
    thread_local std::string name;
    name.assign(out.source).push_back('\0');
    name.append(out.event_id);
    out.id = uuid_v5(event_name_space, name);
    return {};
}

record_fault read_data(event_envelope const& envelope, text_arena& arena, std::string_view& out) {
    json_token const& type = envelope.at(attribute::datacontenttype);
    auto const name = type.is == kind::string ? media_type(text_of(type, arena)) : std::nullopt;

    // Data of another type, or a JSON value that is not an object, has no members to read.
    std::string_view text;
    if (auto const fault = object_text(envelope, arena, text)) {
        return fault;
    }
    if (name && !is_json_type(*name)) {
        return no_object("expected a JSON object");
    }

    // Checked and normalized as a whole: PostgreSQL would refuse a bad jsonb with its whole batch.
    thread_local std::string normal;
    normal.clear();
    if (auto const error = append_json_value(text, normal); error != record_error::none) {
        return {error == record_error::not_json ? record_error::bad_data : error, "data",
                explain(error)};
    }

    // The data is parsed again by its kind, hence the padding.
    char* const kept = arena.reserve(normal.size() + record_batch::padding);
    std::copy(normal.begin(), normal.end(), kept);
    std::fill_n(kept + normal.size(), record_batch::padding, ' ');
    out = {kept, normal.size()};
    return {};
}

} // namespace tally::ingest
