#include "ingest/decode/decoder_tools.hpp"

#include <algorithm>

namespace tally::ingest {

void record_collector::roll_back(mark const& to) noexcept {
    batch_.cdrs.resize(to.cdrs);
    batch_.cdr_index.resize(to.cdrs);
    batch_.events.resize(to.events);
    batch_.event_index.resize(to.events);
    batch_.rejected.resize(to.rejected);
    batch_.skipped = to.skipped;
    next_index_ = to.next_index;
}

void record_collector::fail_whole(record_error error, std::string_view detail) noexcept {
    roll_back({});
    batch_.whole_error = error;
    batch_.whole_detail = detail;
}

} // namespace tally::ingest
