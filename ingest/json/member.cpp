#include "ingest/json/member.hpp"

#include "ingest/json/value.hpp"

#include <simdjson.h>

namespace tally::ingest {

std::optional<std::string> json_member(std::string_view object, std::string_view name) {
    if (object.empty() || name.empty()) {
        return std::nullopt;
    }
    thread_local simdjson::ondemand::parser parser;
    // simdjson reads beyond the end of its input, so the text needs padding of its own.
    simdjson::padded_string const copy{object};
    simdjson::ondemand::document document;
    simdjson::ondemand::object members;
    if (parser.iterate(copy).get(document) || document.get_object().get(members)) {
        return std::nullopt;
    }

    // The loop does not stop at the first match: of a repeated name, the last value counts.
    std::optional<std::string> found;
    for (auto each : members) {
        std::string_view key;
        simdjson::ondemand::field field;
        if (std::move(each).get(field) || field.unescaped_key().get(key)) {
            return std::nullopt;
        }
        if (key != name) {
            continue;
        }

        std::string_view raw;
        std::string text;
        if (simdjson::to_json_string(field.value()).get(raw) ||
            append_json_value(raw, text) != record_error::none) {
            return std::nullopt;
        }
        found = text == "null" ? std::nullopt : std::optional{std::move(text)};
    }
    return found;
}

} // namespace tally::ingest
