#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/decode/json_input.hpp"
#include "ingest/record/event.hpp"

#include <cstdint>

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// The context attributes of CloudEvents 1.0 (section 3), and the two forms of data.
enum class event_attribute : std::uint8_t {
    specversion,
    id,
    source,
    type,
    subject,
    time,
    datacontenttype,
    dataschema,
    data,
    data_base64,
    count_,
};
inline constexpr auto event_attribute_count = static_cast<std::size_t>(event_attribute::count_);

inline constexpr key_table<event_attribute_count> event_attribute_keys{
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
     "data", "data_base64"}};

/// The members of one event, as in the input.
struct event_envelope {
    std::array<json_token, event_attribute_count> tokens{};
    /// The fault of the first extension attribute that the standard forbids; none if all are valid.
    record_fault extension;

    [[nodiscard]] json_token const& at(event_attribute attribute) const noexcept {
        return tokens[static_cast<std::size_t>(attribute)];
    }
};

/// Reads all members of a structured event.
simdjson::error_code read_envelope(simdjson::ondemand::object& object,
                                   event_envelope& out) noexcept;

/// Sets source, event_id, id, type, subject and time of `out`; `received` is the time of an event
/// without one. The rules are those of CloudEvents 1.0; nothing is guessed.
record_fault read_attributes(event_envelope const& envelope, time_us received, text_arena& arena,
                             event& out);

/// Writes the event's data to `out` as one JSON object for jsonb, with padding after its end; "{}"
/// if it has none. bad_data if it is not an object.
record_fault read_data(event_envelope const& envelope, text_arena& arena, std::string_view& out);

} // namespace tally::ingest
