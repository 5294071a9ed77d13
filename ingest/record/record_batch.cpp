#include "ingest/record/record_batch.hpp"

namespace tally::ingest {

void record_batch::reject_body(record_error error, std::string_view detail) {
    // The body becomes its own only record: the operator finds all of it in suspense.
    cdrs.clear();
    cdr_index.clear();
    events.clear();
    event_index.clear();
    skipped = 0;
    rejected.assign(1, {.index = 0, .error = error, .field = {}, .detail = detail, .raw = body});
}

} // namespace tally::ingest
