#pragma once

#include "ingest/json/writer.hpp"
#include "ingest/record/record_batch.hpp"

#include <cstdint>

namespace tally::ingest {

/// Appends what a sender is told of a rejected record, by whatever protocol. `index` counts the
/// records of the push, or those of the connection:
///
///     {"index":2,"code":"missing_field","field":"uuid","detail":"the field is required"}
void append_error(json_writer& json, std::uint64_t index, rejected_record const& record);

} // namespace tally::ingest
