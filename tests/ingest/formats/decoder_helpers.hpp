#pragma once

#include "ingest/record/format.hpp"
#include "ingest/record/record_batch.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// Decodes `body` as a push or file of `format` and checks what holds for every input: records are
/// numbered without gaps, views lie in the batch, text is valid UTF-8 without NUL.
std::unique_ptr<ingest::record_batch> decode(std::string_view format, std::string_view body,
                                             ingest::source const& source = {},
                                             std::string_view query = {});

/// The valid records of a batch.
struct decoded_records {
    std::vector<ingest::cdr> calls;
    std::vector<ingest::event> events;

    [[nodiscard]] bool empty() const noexcept { return calls.empty() && events.empty(); }
    friend bool operator==(decoded_records const&, decoded_records const&) = default;
};

/// The records of a stream that a reader gets in two parts, split at `cut`.
decoded_records decode_in_two(std::string_view format, std::string_view body, std::size_t cut,
                              ingest::source const& source,
                              std::vector<std::unique_ptr<ingest::record_batch>>& keep);

/// A structured CloudEvent with members replaced or added ("key" -> JSON text); "" drops one.
std::string cloudevent(std::string_view type, std::string_view data,
                       std::vector<std::pair<std::string, std::string>> const& changes = {});

/// Microseconds of an RFC 3339 time.
ingest::time_us at(std::string_view rfc3339);

/// "code field" of each rejected record, or of the unreadable input.
std::vector<std::string> faults(ingest::record_batch const& batch);

std::string to_base64(std::string_view bytes);

/// Percent-encodes everything but letters, digits, and what FreeSWITCH leaves alone.
std::string to_percent(std::string_view bytes);

/// A canonical record with members replaced or added ("key" -> JSON text); "" drops one.
std::string canonical(std::vector<std::pair<std::string, std::string>> const& changes = {});

} // namespace tally::tests
