#include "daemon/journal/fed_stream.hpp"

#include <algorithm>

// How far the feeder has come: for metrics, the drain and the operator.

namespace tally::daemon {

std::optional<ingest::time_us> journal_feeder::oldest_of_earlier() const {
    auto const oldest = oldest_of_earlier_.load();
    return oldest == 0 ? std::nullopt : std::optional{oldest};
}

std::vector<journal_gap> journal_feeder::gaps() const {
    std::lock_guard const lock{mutex_};
    return gaps_;
}

/// Until a push of an earlier run is read, nothing says when it was received: at least, it waits
/// from now on.
void journal_feeder::note_earlier() {
    bool const are_there = std::ranges::any_of(streams_, [](auto const& stream) {
        return !stream->is_own && !stream->files.is_removed();
    });
    oldest_of_earlier_ = are_there ? ingest::now_us() : 0;
}

void journal_feeder::note_progress() {
    auto const& own = *streams_.back();
    own_next_ = own.next_record;
    bool const earlier_stored = std::all_of(streams_.begin(), streams_.end() - 1,
                                            [](auto const& each) { return each->is_stored(); });
    if (earlier_stored) {
        oldest_of_earlier_ = 0;
    }
    close_settled_gaps();

    // Positions vouch for the decisions once they cover all blocks, also those not pushed yet.
    bool const is_idle = read_.empty() && std::ranges::all_of(streams_, [](auto const& each) {
                             return each->kept->prefix.is_idle_at(each->kept->committed);
                         });
    if (is_idle) {
        target_.decisions.forget();
    }

    // Drained is what the positions in the database say, and nothing else (R2).
    auto const end = writer_.readable_end();
    is_drained_ = is_draining_ && earlier_stored && read_.empty() && own.kept->committed == end &&
                  !target_.keeper.has_lost();
}

std::string journal_feeder::describe() const {
    std::string text;
    for (auto const& stream : streams_) {
        if (!stream->may_move()) {
            continue;
        }
        text += (text.empty() ? "" : "; ") + stream->name + ": read to " +
                std::to_string(stream->next_record);
        if (stream->kept != nullptr) {
            text += ", stored to " + std::to_string(stream->kept->prefix.below()) + ", confirmed " +
                    std::to_string(stream->kept->committed);
        }
    }
    return text;
}

} // namespace tally::daemon
