#pragma once

#include "ingest/record/format.hpp"

namespace tally::ingest {

/// The canonical CDR: one JSON object, an array of them, or NDJSON, recognized by the bytes.
///
/// Of a repeated key the last one counts; unknown keys are ignored; null and "" are absent (but an
/// empty caller_id is an unknown caller). Strings and numbers are accepted for each other. A call
/// id that is not a UUID is mapped by uuid_v5 and kept in the metadata as "call_id". A call with a
/// billsec and no answer_time was answered billsec before its end.
///
/// A line of NDJSON that cannot be read is one rejected record; a body that is not JSON at all, or
/// an array that breaks off, sets batch.body_error.
void decode_canonical(decode_context const& context, record_batch& batch) noexcept;

} // namespace tally::ingest
