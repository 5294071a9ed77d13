#include "ingest/decode/decoder_tools.hpp"

#include <algorithm>

namespace tally::ingest {

void record_collector::roll_back(mark const& bookmark) noexcept {
    // Text that the removed records left in the arena stays there until the batch is cleared.
    batch_.cdrs.resize(bookmark.cdrs);
    batch_.cdr_index.resize(bookmark.cdrs);
    batch_.events.resize(bookmark.events);
    batch_.event_index.resize(bookmark.events);
    batch_.rejected.resize(bookmark.rejected);
    batch_.skipped = bookmark.skipped;
    next_index_ = bookmark.next_index;
}

void record_collector::reject_body(record_error error, std::string_view detail) noexcept {
    // Nothing of a body that cannot be read counts: an application gets 400 and sends all of it
    // again.
    roll_back({});
    batch_.body_error = error;
    batch_.body_detail = detail;
}

} // namespace tally::ingest
