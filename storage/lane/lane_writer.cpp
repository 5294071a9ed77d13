#include "storage/lane/lane_writer.hpp"

#include "ingest/base/time.hpp"
#include "storage/lane/refused_entry.hpp"
#include "storage/postgres/failure_class.hpp"

#include <random>
#include <utility>

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;
using ingest::record_error;

} // namespace

lane_writer::lane_writer(batch_store& database, options const& settings, lane_observer& observer,
                         retry_wait wait)
    : database_{database}, options_{settings}, observer_{observer}, wait_{std::move(wait)},
      rows_{settings.usage_states_max, settings.metric_states_max}, partitions_{database},
      duplicates_{database, settings.key_sets}, growing_{database, rows_, partitions_,
                                                         duplicates_} {}

store_end lane_writer::store(std::span<batch_entry> entries, ingest::uuid const& import_id,
                             std::uint64_t bytes) {
    // Each batch is tried on the remembered usage rows first.
    culprit_ = nullptr;
    states_ = states_of::memory;

    auto next = step::again;
    if (growing_.size() > 0) {
        out_.bytes = bytes;
        next = commit_ahead(entries);
    } else {
        growing_.skipped();
        open_batch(import_id);
        out_.bytes = bytes;

        // Remove duplicates before rating: a call that is stored must not draw allowance again.
        duplicates_.drop_repeats(entries);
        if (!retry_until_ok([&] { return duplicates_.drop_stored(entries); })) {
            return store_end::given_up;
        }
    }

    while (next == step::again) {
        next = try_once(entries);
    }
    switch (next) {
    case step::done:
        return store_end::stored;
    case step::poisoned:
        return store_end::poisoned;
    case step::outdated:
        return store_end::outdated;
    case step::give_up:
    case step::again:
        break;
    }
    return store_end::given_up;
}

lane_writer::ahead lane_writer::write_ahead(std::span<batch_entry> entries,
                                            ingest::uuid const& import_id) {
    if (!growing_.takes(entries)) {
        return ahead::not_now;
    }

    // As in store(), repeats first: a repeat of a call that is suspended is a duplicate.
    duplicates_.drop_repeats(entries, growing_.size());
    if (growing_.size() == 0) {
        if (partitions_.refuse(entries, retry_) == partition_guard::outcome::gave_up) {
            return ahead::failed;
        }
        forget_other_session();
        open_batch(import_id);
        out_.id = ingest::uuid_v7();
    }

    auto const status = growing_.take(entries, session_, out_);
    if (status.ok()) {
        return ahead::written;
    }

    // Nothing is tried again here: store() knows what to do about each failure.
    observer_.retried(name_of(status.reason), status);
    if (status.reason == failure::duplicate) {
        duplicates_.expect_stored();
    }
    return ahead::failed;
}

/// Ends what write_ahead() has begun.
lane_writer::step lane_writer::commit_ahead(std::span<batch_entry> entries) {
    auto const began = clock::now(); // growing is not the database's time
    growing_.finish(entries, out_);
    auto const next = commit(entries, began);
    growing_.ended(next == step::done);
    return next;
}

void lane_writer::open_batch(ingest::uuid const& import_id) {
    out_.clear();
    out_.daemon_id = options_.daemon_id;
    out_.import_id = import_id;
    out_.lane = options_.lane;
    out_.opened = ingest::now_us();
}

lane_writer::step lane_writer::try_once(std::span<batch_entry> entries) {
    auto const began = clock::now();
    forget_other_session();
    forget_judged(entries);
    rows_.begin(entries, states_);

    // Before the transaction: creating a partition within it would hold its locks until COMMIT.
    switch (partitions_.refuse(entries, retry_)) {
    case partition_guard::outcome::gave_up:
        return step::give_up;
    case partition_guard::outcome::some_refused:
        return step::again;
    case partition_guard::outcome::none_refused:
        break;
    }

    if (auto const loaded = load(entries); loaded != step::done) {
        return loaded;
    }
    rows_.rate(out_);

    // Rating suspended some entries, so some locked rows are not needed. Those that were created
    // for the batch would stay in the table with nothing used: begin again without them.
    if (states_ == states_of::locked_rows && !rows_.moves_all()) {
        database_.roll_back();
        return step::again;
    }

    // A new id for each attempt: is_committed() asks for exactly this one. A session that began
    // while the rows were read is the one in which they hold, unless some were remembered.
    out_.id = ingest::uuid_v7();
    out_.session = session_ == 0 ? database_.session() : session_;
    return commit(entries, began);
}

// Rows that were read in an earlier session may differ on the server of this one.
void lane_writer::forget_other_session() {
    if (auto const current = database_.session(); current != session_) {
        rows_.forget_all();
        session_ = current;
        found_no_duplicate_ = false; // the collision was with a record of that session's server
    }
}

/// The key of a record that was found in an earlier session may not be there on the server of this
/// one: a standby that was behind may have been promoted. Such a record is looked for again (R5,
/// R6).
void lane_writer::forget_judged(std::span<batch_entry> entries) {
    bool is_revived = false;
    for (auto& entry : entries) {
        if (entry.judged_in != 0 && entry.judged_in != session_) {
            entry.revive();
            is_revived = true;
        }
    }
    if (is_revived) {
        duplicates_.drop_repeats(entries);
    }
}

lane_writer::step lane_writer::load(std::span<batch_entry> entries) {
    if (states_ == states_of::memory) {
        return retry_until_ok([&] { return rows_.load(database_); }) ? step::done : step::give_up;
    }
    // Creates missing rows, which the database may refuse because of one entry: the failure is
    // handled like one of the commit.
    auto const status = rows_.load(database_);
    return status.ok() ? step::done : after_failure(status, {}, entries);
}

lane_writer::step lane_writer::commit(std::span<batch_entry> entries, clock::time_point began) {
    if (options_.required) {
        out_.required = options_.required();
    }
    if (options_.is_outdated && options_.is_outdated()) { // after `required` was asked
        database_.roll_back();
        return step::outdated;
    }
    out_.duplicates =
        static_cast<std::uint32_t>(std::count_if(entries.begin(), entries.end(), [](auto const& e) {
            return e.state == entry_state::duplicate;
        }));

    commit_counts counts;
    auto const status = database_.commit(out_, counts);
    if (!status.ok()) {
        return after_failure(status, counts, entries);
    }
    finish(entries, began);
    return step::done;
}

void lane_writer::finish(std::span<batch_entry> entries, clock::time_point began) {
    // What is remembered changes only now, after COMMIT.
    rows_.written();
    duplicates_.remember(entries);
    last_batch_ = out_.id;
    session_ = out_.session;
    pauses_in_a_row_ = 0;
    found_no_duplicate_ = false;
    observer_.stored({out_, entries, clock::now() - began});
}

lane_writer::step lane_writer::after_failure(result const& status, commit_counts const& counts,
                                             std::span<batch_entry> entries) {
    switch (status.reason) {
    case failure::duplicate:
        return after_duplicate(status, counts, entries);
    case failure::stale:
        return after_stale(status, entries);
    case failure::bad_data:
        return after_bad_data(status, counts, entries);
    case failure::unknown:
        return after_unknown(status, entries);
    case failure::lost:
    case failure::transient:
    case failure::permanent:
        return pause(name_of(status.reason), status) ? step::again : step::give_up;
    case failure::none:
        break;
    }
    return step::done;
}

// Expects to find the stored record that the batch collided with. If there is none, the row breaks
// a unique key that the operator added, and is bad data. That is concluded only after two attempts:
// the record may have been deleted between the collision and the first search
// (storage/README.md, S11).
lane_writer::step lane_writer::after_duplicate(result const& status, commit_counts const& counts,
                                               std::span<batch_entry> entries) {
    auto const live = [entries] {
        return std::count_if(entries.begin(), entries.end(),
                             [](auto const& e) { return e.state == entry_state::live; });
    };
    auto const live_before = live();
    observer_.retried(name_of(status.reason), status);

    // Search for all keys, not only for those that the memory suspects.
    duplicates_.expect_stored();
    if (!retry_until_ok([&] { return duplicates_.drop_stored(entries, true); })) {
        return step::give_up;
    }

    bool const is_found = live() < live_before;
    if (is_found || !std::exchange(found_no_duplicate_, true)) {
        found_no_duplicate_ = !is_found;
        return step::again;
    }
    found_no_duplicate_ = false;
    return after_bad_data(status, counts, entries);
}

// The session that changed the rows will probably do so again. From now on the batch locks its rows
// first. If it is stale all the same (retried records), it pauses before the next attempt.
lane_writer::step lane_writer::after_stale(result const& status, std::span<batch_entry> entries) {
    if (states_ == states_of::memory) {
        observer_.retried(name_of(status.reason), status);
    } else if (!pause(name_of(status.reason), status)) {
        return step::give_up;
    }
    states_ = states_of::locked_rows;
    rows_.forget();
    return drop_settled(entries) ? step::again : step::give_up;
}

// Makes duplicates of the retried records that another session has stored or discarded meanwhile
// (R16).
bool lane_writer::drop_settled(std::span<batch_entry> entries) {
    if (out_.resolved.empty()) {
        return true;
    }
    std::vector<ingest::uuid> waiting;
    if (!retry_until_ok([&] { return database_.still_waiting(out_.resolved, waiting); })) {
        return false;
    }
    for (auto& entry : entries) {
        if (entry.state != entry_state::suspended && !entry.suspense_id.is_nil() &&
            !std::binary_search(waiting.begin(), waiting.end(), entry.suspense_id)) {
            entry.state = entry_state::duplicate;
            entry.suspense_id = {};
        }
    }
    return true;
}

lane_writer::step lane_writer::after_bad_data(result const& status, commit_counts const& counts,
                                              std::span<batch_entry> entries) {
    observer_.retried(name_of(status.reason), status);

    // The server named the row, or only one entry is left: suspend it.
    if (auto* refused = refused_entry(entries, counts); refused != nullptr) {
        refused->suspend(record_error::database_refused, details_.emplace_back(status.detail));
        culprit_ = refused;
        return step::poisoned;
    }

    // Some entry is bad, and the report does not say which: the caller divides them.
    if (entries.size() > 1) {
        return step::poisoned;
    }

    // Suspense refuses the entry: its detail or its time must be the reason (R15).
    if (!entries.empty() && entries[0].state == entry_state::suspended && !entries[0].is_bare) {
        entries[0].is_bare = true;
        return step::again;
    }

    // Nothing is left to leave out. Retry until an operator has removed the reason.
    result const stuck{failure::permanent, status.sqlstate, status.detail};
    return pause(name_of(stuck.reason), stuck) ? step::again : step::give_up;
}

// The answer is final, see R9: either the batch is stored, or it never will be.
lane_writer::step lane_writer::after_unknown(result const& status, std::span<batch_entry> entries) {
    bool is_stored = false;
    auto const ask = [&] {
        auto const found = database_.is_committed(out_.id);
        is_stored = found.ok() && *found;
        return found.status();
    };
    if (!pause(name_of(status.reason), status) || !retry_until_ok(ask)) {
        return step::give_up;
    }
    if (!is_stored) {
        return step::again;
    }
    finish(entries, clock::now());
    return step::done;
}

bool lane_writer::pause(std::string_view reason, result const& status) {
    observer_.retried(reason, status);

    // Exponential backoff up to backoff_max.
    static thread_local std::minstd_rand random{std::random_device{}()};
    auto wait = options_.backoff_first;
    for (std::int64_t i = 0; i < pauses_in_a_row_ && wait < options_.backoff_max; ++i) {
        wait *= 2;
    }
    ++pauses_in_a_row_;
    wait = std::min(wait, options_.backoff_max);

    // Random within the upper half, so that the lanes do not all come back at the same time.
    std::uniform_int_distribution<std::int64_t> spread{wait.count() / 2, wait.count()};
    return wait_(std::chrono::milliseconds{spread(random)});
}

template <typename Request>
bool lane_writer::retry_until_ok(Request&& request) {
    while (true) {
        result const status = request();
        if (status.ok()) {
            return true;
        }
        if (!pause(name_of(status.reason), status)) {
            return false;
        }
    }
}

} // namespace tally::storage
