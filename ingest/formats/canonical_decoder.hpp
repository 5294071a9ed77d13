#pragma once

#include "ingest/record/format.hpp"

namespace tally::ingest {

/// The canonical CDR: one JSON object, an array of them, or NDJSON, told apart by the bytes.
///
/// Of a repeated key the last one counts; unknown keys are ignored; null and "" are absent (but an
/// empty caller_id is a caller that is not known). Numbers may come as strings and numbers as JSON
/// numbers. A call id that is no UUID is mapped by uuid_v5 and kept in the metadata as "call_id".
/// When a call with a billsec has no answer_time, it was answered billsec before its end.
///
/// A line of NDJSON that cannot be read is one rejected record; a body that is not JSON at all, or
/// an array that breaks off, sets batch.whole_error.
void decode_canonical(decode_context const& context, record_batch& batch) noexcept;

} // namespace tally::ingest
