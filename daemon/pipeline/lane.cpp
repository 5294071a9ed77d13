#include "daemon/pipeline/lane.hpp"

#include "daemon/pipeline/watched_stores.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;
using storage::entry_state;

/// Counts what became of a record.
void count(storage::batch_entry const& entry, ingest::block_outcome& outcome) noexcept {
    switch (entry.state) {
    case entry_state::live:
        ++outcome.committed;
        break;
    case entry_state::duplicate:
        ++outcome.duplicate;
        break;
    case entry_state::suspended:
        ++outcome.suspended;
        break;
    }
}

} // namespace

lane::lane(lane_options const& options, std::unique_ptr<storage::batch_store> database,
           storage::lane_observer& observer, failure_report& failures)
    : options_{options}, failures_{failures}, pulse_{"lane " + std::to_string(options.lane)},
      database_{std::make_unique<watched_batch_store>(std::move(database), pulse_)},
      writer_{*database_,
              {.lane = static_cast<std::int32_t>(options.lane),
               .daemon_id = options.daemon_id,
               .required = [this] { return required(); },
               .is_outdated = [this] { return stored_generation_ != generation(); },
               .key_sets = options.key_sets},
              observer,
              options.pause ? options.pause : storage::retry_wait{[this](milliseconds time) {
                  return wait(time);
              }}},
      open_{std::make_shared<open_batch>()} {}

lane::~lane() {
    release_all(); // what came between its last step and now
}

bool lane::push(slice&& share) {
    auto const records = share.indices().size();

    // Counted before the push: the lane may finish the slice before push() returns here.
    records_waiting_.fetch_add(records, std::memory_order_relaxed);
    if (queue_.push(std::move(share))) {
        return true;
    }
    records_waiting_.fetch_sub(records, std::memory_order_relaxed);
    return false;
}

void lane::give_up() noexcept {
    {
        std::lock_guard const lock{stop_mutex_};
        given_up_ = true;
    }
    stop_.notify_all();
}

bool lane::wait(milliseconds time) {
    database_wait const waiting{pulse_};
    std::unique_lock lock{stop_mutex_};
    return !stop_.wait_for(lock, time, [this] { return given_up_; });
}

bool lane::has_given_up() {
    std::lock_guard const lock{stop_mutex_};
    return given_up_;
}

std::vector<ingest::uuid> lane::required() const {
    // R5: a batch commits only where its predecessor and the decisions on payers are.
    std::vector<ingest::uuid> ids{last_batch_.get()};
    if (options_.decisions != nullptr) {
        ids.push_back(options_.decisions->get());
    }

    // Nil: nothing was stored yet that has to be found again (R5).
    std::erase_if(ids, [](auto const& id) { return id.is_nil(); });
    return ids;
}

std::uint64_t lane::generation() const noexcept {
    return options_.generation == nullptr ? 0 : options_.generation->load();
}

/// The database went back, and the records are read again: the slices end as not durable.
void lane::drop(open_batch& batch) {
    for (auto const& progress : batch.progress) {
        records_waiting_.fetch_sub(progress.records_left, std::memory_order_relaxed);
    }
    for (auto const& share : batch.slices) {
        forget_divided(batch, share);
    }

    // Entries view the memory of the slices' blocks, so they go first.
    batch.entries.clear();
    for (auto& share : batch.slices) {
        share.give_up();
    }
    batch.slices.clear();
    batch.progress.clear();
}

void lane::await_slice(clock::duration time) {
    pulse_.rest();
    static_cast<void>(
        time > clock::duration::zero()
            ? queue_.pop(arrived_, std::chrono::duration_cast<std::chrono::microseconds>(time))
            : queue_.try_pop(arrived_));
    pulse_.work();
}

lane::step_result lane::step(clock::time_point now) {
    step_result next{.is_over = true};
    try {
        if (!arrived_.is_empty()) {
            add(std::move(arrived_), now);
        }
        next = advance(now);
    } catch (std::exception const& error) {
        // Bad input and a lost database do not throw, so this is a bug or a lack of memory. Records
        // that are not committed stay in the journal: ending here loses nothing.
        failures_.report("lane", "lane " + std::to_string(options_.lane) + ": " + error.what());
    }

    // What was refused is settled or aside by now.
    pulse_.get_further();

    // Whether it ends by plan or by failure: later slices must be refused, not queued (R2).
    if (next.is_over) {
        release_all();
        pulse_.rest();
    }
    return next;
}

/// Takes nothing more. Slices that are left are given up: their blocks are not durable.
void lane::release_all() noexcept {
    queue_.close();
    writer_.forget_ahead();
    drop(*open_);
    records_open_.store(0, std::memory_order_relaxed);
    for (auto* line : {&at_once_, &aside_}) {
        for (auto const& each : *line) {
            drop(*each.batch);
        }
        line->clear();
    }

    // One at a time, so that each block reports its outcome and gives back its credit.
    slice left = std::move(arrived_);
    while (!left.is_empty() || queue_.try_pop(left)) {
        records_waiting_.fetch_sub(left.indices().size(), std::memory_order_relaxed);
        left.give_up();
    }
}

lane::step_result lane::advance(clock::time_point now) {
    // Parts of a refused batch first: their blocks are older than what is in the queue. Each of
    // them may be refused, too, so what is left when the budget is used up waits.
    while (!at_once_.empty() && budget_.allows(now)) {
        if (!store_part_of(at_once_, now)) {
            return {.is_over = true};
        }
    }
    if (!aside_.empty() && budget_.allows(now) && !store_next_aside(now)) {
        return {.is_over = true};
    }
    if (!relieve(now)) {
        return {.is_over = true};
    }

    // Collect what has arrived meanwhile, then store it if the batch is full or old enough.
    fill(now);
    if (has_piece()) {
        write_ahead();

        // More may have come meanwhile: the batch grows as long as it may and slices are there.
        if (open_->grows && now < opened_at_ + options_.grow_max && pace() != growth::awaited) {
            return {};
        }
    }
    auto const next = next_wait(now);
    if (next.is_over || next.wait > clock::duration::zero()) {
        return has_given_up() ? step_result{.is_over = true} : next;
    }
    return {.is_over = !open_->entries.empty() && !store_open_batch(now)};
}

bool lane::store_open_batch(clock::time_point now) {
    if (writer_.entries_ahead() > 0) {
        return store_grown(now);
    }
    auto const batch = close_batch();

    // A source that was refused will probably be refused again: as long as a part of it is aside,
    // its records go to the end of that line at once. Otherwise each batch would fail with a source
    // that sends one bad record a push.
    refused_sources_.keep_if([this](auto const& source) { return has_part_aside(source); });
    auto others = batch->entries.begin();
    if (!refused_sources_.is_empty()) {
        others = std::stable_partition(
            batch->entries.begin(), batch->entries.end(),
            [this](auto const& entry) { return refused_sources_.contains(entry.source->id); });
    }
    if (others != batch->entries.begin()) {
        batch->parts_left = put_aside(batch, {batch->entries.begin(), others});
        if (others == batch->entries.end()) {
            return true;
        }
        ++batch->parts_left;
    }

    auto const parts = aside_.size();
    bool const goes_on = store({batch, {others, batch->entries.end()}});
    if (aside_.size() > parts) {
        budget_.spend(now);
    }
    return goes_on;
}

/// Stores a part, or divides it if the database refuses it. False: gave up.
bool lane::store(part const& share) {
    if (share.batch->slices.empty()) {
        return true; // another part of its batch was outdated
    }

    // For is_outdated, which the writer asks between attempts. The bytes count once per batch, with
    // its last part.
    stored_generation_ = share.batch->generation;
    auto const end = writer_.store(share.entries, options_.import_id,
                                   share.batch->parts_left == 1 ? share.batch->bytes : 0);

    switch (end) {
    case storage::store_end::stored:
        last_batch_.set(writer_.last_batch());
        finish_part(share);
        return true;
    case storage::store_end::poisoned:
        set_aside(share);
        return true;
    case storage::store_end::outdated:
        drop(*share.batch);
        return true;
    case storage::store_end::given_up:
        drop(*share.batch);
        break;
    }
    return false;
}

/// Reports the outcome to the slices of which no record is left: their senders do not wait for
/// other parts of the batch. The last slice of a block frees it, with what its entries view.
void lane::finish_part(part const& share) {
    auto& batch = *share.batch;
    records_waiting_.fetch_sub(share.entries.size(), std::memory_order_relaxed);
    for (auto const& entry : share.entries) {
        auto& progress = batch.progress[entry.owner];
        count(entry, progress.outcome);
        if (--progress.records_left == 0) {
            forget_divided(batch, batch.slices[entry.owner]);
            batch.slices[entry.owner].finish(progress.outcome);
        }
    }

    if (--batch.parts_left > 0) {
        return;
    }

    // Entries first: they view the memory of the blocks that the slices free.
    batch.entries.clear();
    batch.slices.clear();

    // Details of a refusal are needed as long as a part of that batch is left.
    if (aside_.empty() && at_once_.empty()) {
        writer_.forget_details();
    }
}

} // namespace tally::daemon
