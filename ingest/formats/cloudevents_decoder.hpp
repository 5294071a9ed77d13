#pragma once

#include "ingest/record/format.hpp"

namespace tally::ingest {

/// CloudEvents 1.0 in the JSON format: one structured event, a batch (array), or one structured
/// event a line. EVENTS.md lists the data of each type.
void decode_cloudevents(decode_context const& context, record_batch& batch) noexcept;

} // namespace tally::ingest
