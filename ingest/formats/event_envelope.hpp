#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/decode/json_input.hpp"
#include "ingest/record/event.hpp"

#include <cstdint>

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// The context attributes of CloudEvents 1.0 (section 3), and data in its two forms.
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

/// One event's members as they stand there.
struct event_envelope {
    std::array<json_token, event_attribute_count> tokens{};
    /// The first extension attribute that the standard forbids; none: all are well.
    record_fault extension;

    [[nodiscard]] json_token const& at(event_attribute which) const noexcept {
        return tokens[static_cast<std::size_t>(which)];
    }
};

/// Reads all members of a structured event.
simdjson::error_code read_envelope(simdjson::ondemand::object& object,
                                   event_envelope& out) noexcept;

/// Fills source, event_id, id, type, subject and time of `out`; `received` is the time of an event
/// that says none. The rules are those of CloudEvents 1.0, nothing is guessed.
record_fault read_attributes(event_envelope const& from, time_us received, text_arena& arena,
                             event& out);

/// The event's data as one JSON object for jsonb, in `out`, with padding behind it; "{}" when it
/// has none. bad_data when it is something else.
record_fault read_data(event_envelope const& from, text_arena& arena, std::string_view& out);

} // namespace tally::ingest
