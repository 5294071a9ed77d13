#include "ingest/record/push_counts.hpp"

#include <numeric>

namespace tally::ingest {

push_counts count_push(record_batch const& batch, std::string_view source, std::string_view kind,
                       bool keep_rejected) {
    push_counts counts{.source = source, .kind = kind};
    for (rejected_record const& record : batch.rejected) {
        // A record that waits in suspense was accepted (R3): its sender need not correct it.
        if (!keep_rejected && !record.suspended) {
            ++counts.rejected[static_cast<std::size_t>(record.error)];
        }
    }

    // What the source's settings leave out is in neither number, so that received = accepted +
    // rejected.
    counts.received = batch.received() - batch.skipped;
    counts.accepted = counts.received - counts.all_rejected();
    return counts;
}

std::uint32_t push_counts::all_rejected() const noexcept {
    return std::accumulate(rejected.begin(), rejected.end(), std::uint32_t{0});
}

} // namespace tally::ingest
