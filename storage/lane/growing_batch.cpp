#include "storage/lane/growing_batch.hpp"

#include <algorithm>
#include <utility>

namespace tally::storage {

/// Only calls that need no lock before them: an event may be stored already, and a retried record
/// may be settled, which is found out by locks that come before the calls (R13). An orphan is
/// looked for among stored calls, where the batch's own, which are not committed, would be found as
/// well.
bool growing_batch::takes(std::span<batch_entry const> entries) {
    auto const fresh = entries.subspan(size_);
    bool const are_plain = std::ranges::all_of(fresh, [](auto const& entry) {
        return entry.event == nullptr && entry.suspense_id.is_nil() && !entry.is_orphan();
    });
    if (!are_plain) {
        return false;
    }

    // A partition is created before the transaction: within it, its locks would last until COMMIT.
    return size_ == 0 ? batches_to_skip_ == 0 : partitions_.knows_call_days(fresh);
}

result growing_batch::take(std::span<batch_entry> entries, std::uint64_t session, batch& out) {
    if (size_ == 0) {
        rows_.begin({});
        rows_.start(out);
    }
    auto status = write(entries, session, out);
    if (status.ok()) {
        size_ = entries.size();
        return status;
    }
    roll_back(out);
    ended(false);
    return status;
}

result growing_batch::write(std::span<batch_entry> entries, std::uint64_t session, batch& out) {
    // A call that is stored must not draw allowance again.
    result status = duplicates_.drop_stored(entries.subspan(size_));
    if (!status.ok()) {
        return status;
    }
    rows_.take(entries, size_);
    status = rows_.load(database_);
    if (!status.ok()) {
        return status;
    }
    rows_.rate_taken(out);

    // The session in which the states hold that the batch is rated on.
    if (out.session == 0) {
        out.session = session == 0 ? database_.session() : session;
    }
    if (out.calls.empty()) {
        return status;
    }
    status = database_.write_ahead(out);
    if (status.ok()) {
        out.written_ahead.add(out.calls);
    } else {
        out.written_ahead = {}; // the store has rolled back
    }
    out.calls.clear();
    return status;
}

void growing_batch::finish(std::span<batch_entry> entries, batch& out) {
    // The entries may have moved in memory since the last piece.
    rows_.take(entries, std::exchange(size_, 0));
    rows_.finish(out);
}

void growing_batch::roll_back(batch& out) noexcept {
    if (out.written_ahead.calls > 0) {
        database_.roll_back();
    }
    out.written_ahead = {};
    size_ = 0;
}

void growing_batch::ended(bool is_stored) noexcept {
    constexpr std::uint32_t doublings_max = 6;
    failures_ = is_stored ? 0 : std::min(failures_ + 1, doublings_max);
    batches_to_skip_ = is_stored ? 0 : std::uint32_t{1} << failures_;
}

} // namespace tally::storage
