#include "storage/lane/lane_writer.hpp"

#include "storage/lane/moved_calls.hpp"
#include "storage/lane/refused_entries.hpp"
#include "storage/lane/stream_positions.hpp"
#include "storage/postgres/failure_class.hpp"

#include <random>
#include <utility>

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;
using ingest::record_error;

} // namespace

database_went_back::database_went_back(std::string_view stream, std::int64_t committed,
                                       std::int64_t found)
    : std::runtime_error{"the database has lost what it had committed of stream " +
                         std::string{stream} + ": records " + std::to_string(found) + " to " +
                         std::to_string(committed) +
                         " (a failover to a standby that was behind, or a restore?)"} {}

lane_writer::lane_writer(batch_writer& writer, options settings, lane_observer& observer,
                         retry_wait wait)
    : writer_{writer}, options_{settings}, observer_{observer}, wait_{std::move(wait)},
      rows_{settings.usage_states_max, settings.metric_states_max}, partitions_{writer},
      duplicates_{writer} {}

std::optional<std::int64_t> lane_writer::position_of(std::string_view stream) {
    if (auto const known = positions_.find(stream); known != positions_.end()) {
        return known->second;
    }
    std::vector<std::int64_t> by_lane;
    if (!retry_until_ok([&] { return writer_.load_positions(stream, options_.lanes, by_lane); })) {
        return std::nullopt;
    }
    // -1, no row yet, is the beginning of the stream.
    std::int64_t const position = std::max<std::int64_t>(0, by_lane[std::size_t(options_.lane)]);
    positions_.emplace(stream, position);
    return position;
}

bool lane_writer::store(std::span<batch_entry> entries, marks_span marks,
                        ingest::uuid const& import_id, std::uint64_t bytes) {
    // Each batch is tried on the remembered usage rows first.
    details_.clear();
    states_ = states_of::memory;

    out_.clear();
    out_.daemon_id = options_.daemon_id;
    out_.import_id = import_id;
    out_.lane = options_.lane;
    out_.bytes = bytes;
    out_.opened = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();

    // Remove duplicates before rating: a call that is stored must not draw allowance again.
    duplicates_.drop_repeats(entries);
    return retry_until_ok([&] { return drop_moved_calls(writer_, entries); }) &&
           retry_until_ok([&] { return duplicates_.drop_stored(entries); }) &&
           store_range(entries, marks);
}

bool lane_writer::store_range(std::span<batch_entry> entries, marks_span marks) {
    while (true) {
        switch (try_once(entries, marks)) {
        case step::done:
            return true;
        case step::give_up:
            return false;
        case step::halve:
            return store_halves(entries, marks);
        case step::again:
            break;
        }
    }
}

// Positions move with the second half (R2): after a crash in between, the first half is read again
// and its keys show that it is stored. The first half moves the stream's reach instead, which says
// up to where records may be stored although no position does (stream_positions.hpp).
bool lane_writer::store_halves(std::span<batch_entry> entries, marks_span marks) {
    auto const middle = entries.size() / 2;
    std::vector<std::string> names;
    names.reserve(marks.size());
    std::vector<stream_mark> reached;
    for (auto const& mark : marks) {
        reached.push_back({names.emplace_back(reach_of(mark.stream)), mark.end});
    }
    return store_range(entries.first(middle), reached) &&
           store_range(entries.subspan(middle), marks);
}

lane_writer::step lane_writer::load(std::span<batch_entry> entries, marks_span marks) {
    if (states_ == states_of::memory) {
        return retry_until_ok([&] { return rows_.load(writer_); }) ? step::done : step::give_up;
    }
    // Creates missing rows, which the database may refuse because of one entry: the failure is
    // handled like one of the commit.
    auto const status = rows_.load(writer_);
    return status.ok() ? step::done : after_failure(status, {}, entries, marks);
}

lane_writer::step lane_writer::try_once(std::span<batch_entry> entries, marks_span marks) {
    auto const began = clock::now();
    rows_.begin(entries, states_);

    // Before the transaction: creating a partition within it would hold its locks until COMMIT.
    bool refused_some = false;
    if (!partitions_.refuse(entries, retry_, refused_some)) {
        return step::give_up;
    }
    if (refused_some) {
        return step::again;
    }

    if (auto const loaded = load(entries, marks); loaded != step::done) {
        return loaded;
    }
    rows_.rate(out_);

    // Rating suspended some entries, so some locked rows are not needed. Those that were created
    // for the batch would stay in the table with nothing used: begin again without them.
    if (states_ == states_of::locked_rows && !rows_.moves_all()) {
        writer_.roll_back();
        return step::again;
    }

    // A new id for each attempt: is_committed() asks for exactly this one.
    set_positions(marks);
    out_.id = ingest::uuid_v7();
    out_.duplicates =
        static_cast<std::uint32_t>(std::count_if(entries.begin(), entries.end(), [](auto const& e) {
            return e.state == entry_state::duplicate;
        }));

    // All entries are duplicates and no position moves: no transaction is needed.
    if (out_.calls.empty() && out_.events.empty() && out_.suspense.empty() &&
        out_.resolved.empty() && out_.positions.empty()) {
        finish(entries, began);
        return step::done;
    }

    commit_counts counts;
    auto const status = writer_.commit(out_, counts);
    if (!status.ok()) {
        return after_failure(status, counts, entries, marks);
    }
    finish(entries, began);
    return step::done;
}

lane_writer::step lane_writer::after_failure(result const& status, commit_counts const& counts,
                                             std::span<batch_entry> entries, marks_span marks) {
    auto const go_on = [](bool ok) { return ok ? step::again : step::give_up; };
    switch (status.reason) {
    case failure::duplicate:
        return after_duplicate(status, counts, entries);
    case failure::stale:
        return after_stale(status, entries);
    case failure::refused:
        observer_.retried(name_of(status.reason), status);
        suspend_refused(entries, counts.verdicts);
        return step::again;
    case failure::position_lost:
        observer_.retried(name_of(status.reason), status);
        return go_on(reread_positions(marks));
    case failure::bad_data:
        return after_bad_data(status, counts, entries);
    case failure::unknown: {
        // The answer is final, see R9: either the batch is stored, or it never will be.
        bool there = false;
        if (!pause(name_of(status.reason), status) ||
            !retry_until_ok([&] { return writer_.is_committed(out_.id, there); })) {
            return step::give_up;
        }
        if (there) {
            finish(entries, clock::now());
            return step::done;
        }
        return step::again;
    }
    case failure::transient:
    case failure::permanent:
        return go_on(pause(name_of(status.reason), status));
    case failure::none:
        break;
    }
    return step::done;
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
    if (is_found || !std::exchange(looked_in_vain_, true)) {
        looked_in_vain_ = !is_found;
        return step::again;
    }
    looked_in_vain_ = false;
    return after_bad_data(status, counts, entries);
}

// Makes duplicates of the retried records that another session has stored or discarded meanwhile
// (R16).
bool lane_writer::drop_settled(std::span<batch_entry> entries) {
    if (out_.resolved.empty()) {
        return true;
    }
    std::vector<ingest::uuid> waiting;
    if (!retry_until_ok([&] { return writer_.still_waiting(out_.resolved, waiting); })) {
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
        return step::again;
    }

    // Some entry is bad, and the report does not say which: search it by halving.
    if (entries.size() > 1) {
        return step::halve;
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

void lane_writer::suspend_refused(std::span<batch_entry> entries,
                                  std::span<verdict const> verdicts) {
    // All entries first: suspending one shifts the numbers of the events after it.
    auto const found = refused_entries(entries, verdicts);
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i] != nullptr) {
            found[i]->suspend(verdicts[i].reason, details_.emplace_back(verdicts[i].detail));
        }
    }
}

void lane_writer::set_positions(marks_span marks) {
    out_.positions.clear();
    for (auto const& mark : marks) {
        auto const known = positions_.find(mark.stream);
        std::int64_t const expected = known == positions_.end() ? 0 : known->second;
        if (mark.end > expected) {
            out_.positions.push_back(
                {mark.stream, options_.lane, options_.lanes, expected, mark.end});
        }
    }
}

// Another reader of the stream has stored a part of it. The keys will show which records; here only
// the position that our own move expects is corrected.
bool lane_writer::reread_positions(marks_span marks) {
    for (auto const& mark : marks) {
        std::int64_t before = 0;
        if (auto const known = positions_.find(mark.stream); known != positions_.end()) {
            before = known->second;
            positions_.erase(known);
        }
        auto const found = position_of(mark.stream);
        if (!found) {
            return false;
        }
        // Positions only grow: a lower one belongs to a database that lost commits.
        if (*found < before) {
            throw database_went_back{mark.stream, before, *found};
        }
    }
    return true;
}

void lane_writer::finish(std::span<batch_entry> entries, clock::time_point began) {
    // What is remembered changes only now, after COMMIT.
    rows_.written();
    duplicates_.remember(entries);
    for (auto const& move : out_.positions) {
        positions_.insert_or_assign(std::string{move.stream}, move.next);
    }
    pauses_in_a_row_ = 0;
    looked_in_vain_ = false;
    observer_.stored({out_, entries, clock::now() - began});
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
