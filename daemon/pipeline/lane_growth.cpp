#include "daemon/pipeline/lane.hpp"

#include <algorithm>

// How a lane writes a large batch ahead of its commit while it grows (storage/README.md, S15).

namespace tally::daemon {

/// Whether enough entries have come to be written ahead. A lane with suspected sources stores the
/// usual way: their records go aside.
bool lane::has_piece() const noexcept {
    return open_->grows && options_.grow_max.count() > 0 && refused_sources_.is_empty() &&
           aside_.empty() && at_once_.empty() &&
           open_->entries.size() >= writer_.entries_ahead() + options_.piece_rows;
}

void lane::write_ahead() {
    stored_generation_ = open_->generation;
    open_->grows = writer_.write_ahead(open_->entries, options_.import_id) ==
                   storage::lane_writer::ahead::written;
}

/// How long a batch of which a part is written ahead may go on growing.
lane::clock::duration lane::growth_left(clock::time_point now) const {
    if (!open_->grows) {
        return clock::duration::zero(); // what came last needs another transaction
    }

    // Under load the next slice comes soon, and the counters are written once for a larger batch.
    auto const limit = opened_at_ + options_.grow_max - now;
    switch (pace()) {
    case growth::awaited:
    case growth::short_here:
        return clock::duration::zero();
    case growth::short_elsewhere:
        return limit;
    case growth::as_usual:
        break;
    }
    return std::min(limit, added_at_ + options_.grow_idle_max - now);
}

growth lane::pace() const {
    return options_.pace ? options_.pace() : growth::as_usual;
}

/// Ends a batch of which a part is written ahead.
bool lane::store_grown(clock::time_point now) {
    stored_generation_ = open_->generation;
    auto const ahead = writer_.entries_ahead() < open_->entries.size()
                           ? writer_.write_ahead(open_->entries, options_.import_id)
                           : storage::lane_writer::ahead::written;
    auto const batch = close_batch();

    // What could not be written ahead is a part of its own, after the first (R7).
    auto const written = ahead == storage::lane_writer::ahead::not_now ? writer_.entries_ahead()
                                                                       : batch->entries.size();
    std::span<storage::batch_entry> const entries{batch->entries};
    auto const rest = entries.subspan(written);
    batch->parts_left = rest.empty() ? 1 : 2;

    auto const parts = aside_.size();
    bool goes_on = store({batch, entries.first(written)});
    if (aside_.size() > parts || !at_once_.empty()) {
        // The first was refused, and the rest may not overtake what is left of it.
        budget_.spend(now);
        batch->parts_left += rest.empty() ? 0 : put_aside(batch, rest) - 1;
    } else if (goes_on && !rest.empty()) {
        goes_on = store({batch, rest});
    }
    return goes_on;
}

} // namespace tally::daemon
