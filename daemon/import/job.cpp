#include "daemon/import/job.hpp"

#include "ingest/base/time.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace tally::daemon {

using ingest::push_status;
using ingest::record_error;

namespace {

/// How long to sleep when the sink has no credit: a lane gives some back every few milliseconds.
constexpr std::chrono::milliseconds credit_wait{2};
/// How often progress is shown, and a stop noticed, while waiting for the last blocks.
constexpr std::chrono::milliseconds outcome_wait{20};

/// Rejects the whole piece as one record: it was too long to be decoded, or could not be split.
void reject_all(ingest::record_batch& batch, record_error error, std::string_view detail) {
    ingest::rejected_record bad;
    bad.index = batch.received();
    bad.error = error;
    bad.detail = batch.text.keep(detail);
    bad.raw = batch.body;

    // As the decoders give it: a payload in suspense must not depend on where the file was cut.
    while (bad.raw.ends_with('\n') || bad.raw.ends_with('\r')) {
        bad.raw.remove_suffix(1);
    }
    batch.rejected.push_back(bad);
}

} // namespace

struct import_job::block_tracker {
    std::mutex mutex; ///< guards all members
    std::condition_variable changed;
    std::size_t blocks_under_way = 0;
    bool given_up = false;
    std::uint64_t committed = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t suspended = 0;

    void begin_block() {
        std::lock_guard const lock{mutex};
        ++blocks_under_way;
    }
    void forget_block() {
        std::lock_guard const lock{mutex};
        --blocks_under_way;
    }
    void add(ingest::block_outcome const& outcome) {
        std::lock_guard const lock{mutex};
        --blocks_under_way;
        given_up = given_up || !outcome.durable;
        committed += outcome.committed;
        duplicate += outcome.duplicate;
        suspended += outcome.suspended;
        changed.notify_all();
    }
};

import_job::import_job(import_task task, ingest::record_sink& sink, import_hooks hooks)
    : task_{std::move(task)}, sink_{sink}, hooks_{std::move(hooks)},
      sheet_{std::make_shared<block_tracker>()} {}

import_result import_job::run(ingest::file_reader& reader) {
    // Piece by piece: memory is bounded by credit, not by the file (R12).
    ingest::file_piece piece;
    bool more = true;
    while (more && !stopping()) {
        more = reader.next(piece);
        read_to_end_ = !more && reader.error().ok();
        more = more && hand_over(decode(std::move(piece)));
        show(false);
    }

    // The end is known only when every block has an outcome: a block that was pushed may still
    // fail.
    bool const all_durable = wait_for_outcomes();
    import_result result;
    result.error = reader.error();
    result.end = how_ended(result.error, all_durable);
    result.counts = counts();
    return result;
}

import_end import_job::how_ended(ingest::file_error const& error, bool all_durable) const {
    // In the order of what the operator can do: nothing, the same command again, or correct the
    // file.
    if (read_to_end_ && all_durable) {
        return import_end::done;
    }
    if (stop_ != stop_request::none || error.reason == ingest::file_failure::interrupted) {
        return import_end::stopped;
    }
    if (sink_closed_ || !all_durable) {
        return import_end::given_up;
    }
    return import_end::file_failed;
}

/// A request never becomes weaker: the second signal means "at once", whatever follows.
bool import_job::stopping() {
    if (hooks_.stop) {
        stop_ = std::max(stop_, hooks_.stop());
    }
    return stop_ != stop_request::none;
}

import_job::decoded_piece import_job::decode(ingest::file_piece piece) {
    auto block = std::make_unique<ingest::record_block>();
    block->received = ingest::now_us();
    auto& batch = block->batch;
    batch.set_body(std::move(piece.bytes));

    // Reserve for a little more calls than the last piece had, so that vectors rarely grow.
    if (piece.error == record_error::none) {
        batch.cdrs.reserve(calls_expected_);
        batch.cdr_index.reserve(calls_expected_);
        task_.in_format->decode({*task_.source, {}, {}, block->received}, batch);
        calls_expected_ = batch.cdrs.size() + batch.cdrs.size() / 8;
        if (batch.body_error != record_error::none) {
            reject_all(batch, batch.body_error, batch.body_detail);
        }
    } else {
        reject_all(batch, piece.error,
                   std::to_string(piece.record_bytes) + " bytes, of which the first " +
                       std::to_string(batch.body.size()) + " are kept");
    }

    // Record numbers in the file are positions in its stream: they make an import resumable.
    block->sender = task_.source;
    block->in_format = task_.in_format;
    block->suspend_rejected = task_.suspend_rejected;
    block->stream_begin = counts_.received;
    block->stream_end = counts_.received + batch.received();
    return {std::move(block), piece.offset, piece.first_line};
}

void import_job::report_rejects(decoded_piece const& piece) const {
    if (!hooks_.on_reject) {
        return;
    }

    // Rejected records view the body, so their offset in the file follows from their address.
    auto const& batch = piece.block->batch;
    std::string_view const body = batch.body;
    auto const index_of = [body](std::string_view raw) -> std::size_t {
        // Pointers into different arrays may only be compared by std::less and its like.
        std::less_equal<> const before;
        bool const inside = !raw.empty() && before(body.data(), raw.data()) &&
                            before(raw.data() + raw.size(), body.data() + body.size());
        return inside ? static_cast<std::size_t>(raw.data() - body.data()) : body.size();
    };

    // Line ends are counted once, from one bad record to the next.
    std::size_t counted = 0;
    std::uint64_t line = piece.first_line;
    for (auto const& bad : batch.rejected) {
        if (bad.suspended) {
            continue; // stored in ingest.suspense, so not in the rejects file
        }

        // A payload that is no part of the body (it was rewritten) has no line of its own.
        std::size_t const index = index_of(bad.raw);
        import_reject reject{piece.block->stream_begin + bad.index, 0, piece.offset, bad};
        if (index < body.size() && index >= counted) {
            auto const passed = body.substr(counted, index - counted);
            line += static_cast<std::uint64_t>(std::count(passed.begin(), passed.end(), '\n'));
            counted = index;
            reject.line = line;
            reject.offset = piece.offset + index;
        }

        hooks_.on_reject(reject);
    }
}

/// Counts a piece, reports its rejected records and pushes the others. False: the import must end.
bool import_job::hand_over(decoded_piece piece) {
    // Counted in a copy, which replaces the counts only once the piece is taken: they are
    // positions.
    import_counts next = counts_;
    count(*piece.block, next);
    if (next.received == counts_.received) {
        return true;
    }

    // An earlier run has stored everything below resume_from: such pieces are only counted, and of
    // one that lies across it (pieces may have been cut elsewhere then) only the rest is taken.
    std::size_t const bytes = piece.block->memory_bytes();
    bool const is_new = next.received > task_.resume_from;
    if (is_new && !admit(bytes)) {
        return false;
    }

    report_rejects(piece); // while the block exists, and only if it will be pushed
    if (is_new) {
        drop_stored(*piece.block);
        if (!push(std::move(piece.block), bytes)) {
            return false;
        }
    }
    counts_ = next;
    return true;
}

/// An earlier run has stored this record of the block.
bool import_job::is_stored(ingest::record_block const& block, std::uint32_t index) const {
    return block.stream_begin + index < task_.resume_from;
}

/// Who pays for these records was decided then, and the decision may be gone: decided again, they
/// could become other records.
void import_job::drop_stored(ingest::record_block& block) const {
    if (block.stream_begin >= task_.resume_from) {
        return;
    }

    // Indices ascend, so what is stored is the beginning of each list.
    //
    //     resume_from 120, records 100 to 149: indices 0 to 19 are dropped, 20 to 49 are taken
    auto const drop_below = [&](auto& records, std::vector<std::uint32_t>& index) {
        auto const stored = std::ranges::find_if_not(
            index, [&](std::uint32_t each) { return is_stored(block, each); });
        records.erase(records.begin(), records.begin() + (stored - index.begin()));
        index.erase(index.begin(), stored);
    };
    drop_below(block.batch.cdrs, block.batch.cdr_index);
    drop_below(block.batch.events, block.batch.event_index);
    std::erase_if(block.batch.rejected,
                  [&](auto const& bad) { return is_stored(block, bad.index); });
}

/// Adds a piece's records to `counts`, without the outcome of the accepted ones.
void import_job::count(ingest::record_block const& block, import_counts& counts) const {
    auto const& batch = block.batch;

    // Every record is counted in exactly one way (R3):
    // received = rejected + skipped + resumed + accepted.
    std::uint64_t const records = batch.received();
    std::uint64_t rejected = 0;
    std::uint64_t stored = 0;
    auto const count_stored = [&](std::uint32_t index) {
        stored += is_stored(block, index) ? 1 : 0;
    };

    // What an earlier run stored, among the accepted records of every kind.
    std::ranges::for_each(batch.cdr_index, count_stored);
    std::ranges::for_each(batch.event_index, count_stored);
    for (auto const& bad : batch.rejected) {
        if (!task_.suspend_rejected && !bad.suspended) {
            ++rejected;
        } else {
            count_stored(bad.index);
        }
    }

    counts.received += records;
    counts.rejected += rejected;
    counts.skipped += batch.skipped;
    counts.resumed += stored;
    counts.accepted += records - rejected - batch.skipped - stored;
}

/// The credit is taken. False: the import must end, and the credit is given back.
bool import_job::push(std::unique_ptr<ingest::record_block> block, std::size_t bytes) {
    // R6: who pays is kept before a record can be stored.
    if (task_.decide && !task_.decide(block)) {
        sink_.release(bytes);
        sink_closed_ = true;
        return false;
    }

    // R2: the prefix knows of the block before it can finish.
    block->admitted_bytes = bytes;
    auto const kept = task_.kept;
    auto const number =
        kept == nullptr ? 0 : kept->prefix.begin(block->stream_begin, block->stream_end);

    // Owns what it touches: an import that is stopped at once ends before its blocks do.
    block->on_done = [sheet = sheet_, kept, number](ingest::block_outcome const& outcome) {
        if (kept != nullptr && outcome.durable) {
            kept->prefix.finish(number);
        }
        sheet->add(outcome);
    };

    sheet_->begin_block();
    if (sink_.push(block) == push_status::pushed) {
        return true;
    }

    // Refused by lanes that have ended: give everything back, and end the import.
    sheet_->forget_block();
    sink_.release(bytes);
    sink_closed_ = true;
    return false;
}

/// Waits for credit (R12), which the lanes give back as they store. False: the import must end.
bool import_job::admit(std::size_t bytes) {
    for (;;) {
        switch (sink_.admit(bytes)) {
        case push_status::pushed:
            return true;
        case push_status::closed:
            sink_closed_ = true;
            return false;
        case push_status::full:
            break;
        }

        // No credit: the lanes are busy, or wait for the database.
        if (task_.has_lost && task_.has_lost()) {
            sink_closed_ = true;
            return false;
        }
        if (stopping()) {
            return false;
        }

        show(true);
        pause(credit_wait);
    }
}

/// Tests pass a pause of their own, which steps the lanes.
void import_job::pause(std::chrono::milliseconds time) const {
    task_.pause ? task_.pause(time) : std::this_thread::sleep_for(time);
}

/// Waits for the outcomes of all blocks. True when all of them are durable.
bool import_job::wait_for_outcomes() {
    auto const idle = [this] { return sheet_->blocks_under_way == 0 || sheet_->given_up; };
    std::chrono::milliseconds stopped_for{0};
    std::unique_lock lock{sheet_->mutex};
    if (stop_ == stop_request::at_once && !idle()) {
        return false;
    }

    // After a stop request the wait is limited: the database may be unavailable for hours.
    auto const now_idle = [&] {
        return task_.pause ? idle() : sheet_->changed.wait_for(lock, outcome_wait, idle);
    };
    while (!now_idle()) {
        lock.unlock();
        if (task_.pause) {
            task_.pause(outcome_wait);
        }
        show(true);

        stopped_for += stopping() ? outcome_wait : std::chrono::milliseconds{0};

        // A position that was lost cannot be reached any longer (R5).
        if (task_.has_lost && task_.has_lost()) {
            return false;
        }
        if (stop_ == stop_request::at_once || stopped_for >= task_.stop_limit) {
            return false;
        }
        lock.lock();
    }
    return !sheet_->given_up;
}

void import_job::show(bool waiting) const {
    if (hooks_.on_progress) {
        hooks_.on_progress(counts(), waiting);
    }
}

/// What was read is counted here; what became of it, by the lanes' threads.
import_counts import_job::counts() const {
    import_counts now = counts_;
    std::lock_guard const lock{sheet_->mutex};
    now.committed = sheet_->committed;
    now.duplicate = sheet_->duplicate;
    now.suspended = sheet_->suspended;
    return now;
}

} // namespace tally::daemon
