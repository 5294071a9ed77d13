#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/http/message.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::ingest {

inline constexpr std::string_view structured_event_type = "application/cloudevents+json";

/// The head of a CloudEvent in binary mode (HTTP protocol binding 1.0.2, section 3.1): its
/// attributes are in ce-* fields, its data is the body. Owns its text, since an http_head lives
/// only as long as begin().
struct binary_event {
    std::vector<std::pair<std::string, std::string>> attributes; ///< names without "ce-", values
    std::string data_type; ///< Content-Type as sent; empty: not sent, the data is JSON

    friend bool operator==(binary_event const&, binary_event const&) = default;
};

/// Why an event in binary mode cannot be read.
struct binary_event_fault {
    record_error error = record_error::none;
    std::string detail;

    [[nodiscard]] explicit operator bool() const noexcept { return error != record_error::none; }
    friend bool operator==(binary_event_fault const&, binary_event_fault const&) = default;
};

/// Whether a head is that of an event in binary mode: it has ce-specversion, and its Content-Type
/// is not one of the CloudEvents formats, which have precedence.
bool is_binary_event(http_head const& head) noexcept;

/// Reads the attributes. The decoder checks which of them an event needs, and their form.
binary_event_fault read_binary_event(http_head const& head, binary_event& event);

/// Writes the event in structured mode, as one JSON object: `data` of a JSON type as it is, other
/// text as a string, everything else as data_base64. After this there is only one form of events.
binary_event_fault write_structured(binary_event const& event, std::string_view data,
                                    std::string& out);

} // namespace tally::ingest
