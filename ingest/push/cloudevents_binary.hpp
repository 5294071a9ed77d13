#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/http/http_message.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::ingest {

inline constexpr std::string_view structured_event_type = "application/cloudevents+json";

/// The head of a CloudEvent in binary mode (HTTP protocol binding 1.0.2, section 3.1): attributes
/// in ce-* fields, the body is the data. Owns its text: a http_head lives only as long as begin().
struct binary_event {
    std::vector<std::pair<std::string, std::string>> attributes; ///< names without "ce-", values
    std::string data_type; ///< Content-Type as sent; empty: none, and the data is JSON

    friend bool operator==(binary_event const&, binary_event const&) = default;
};

/// What keeps an event in binary mode from being one.
struct binary_event_fault {
    record_error error = record_error::none;
    std::string detail;

    [[nodiscard]] explicit operator bool() const noexcept { return error != record_error::none; }
    friend bool operator==(binary_event_fault const&, binary_event_fault const&) = default;
};

/// Whether a head says so: by ce-specversion, unless its Content-Type names one of the CloudEvents
/// formats, which goes before.
bool is_binary_event(http_head const& head) noexcept;

/// Reads the attributes. Which of them an event needs, and in what form, is the decoder's to say.
binary_event_fault read_binary_event(http_head const& head, binary_event& to);

/// The event in structured mode, one JSON object: `data` under a JSON type as it is, other text as
/// a string, what is no text as data_base64. From here on there is one form of events only.
binary_event_fault write_structured(binary_event const& event, std::string_view data,
                                    std::string& to);

} // namespace tally::ingest
