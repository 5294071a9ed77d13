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

lane_writer::lane_writer(batch_writer& writer, options how, lane_observer& observer,
                         retry_wait wait)
    : writer_{writer}, how_{how}, observer_{observer}, wait_{std::move(wait)},
      rows_{how.usage_states_max, how.metric_states_max}, partitions_{writer}, duplicates_{writer} {
}

std::optional<std::int64_t> lane_writer::position_of(std::string_view stream) {
    if (auto const known = positions_.find(stream); known != positions_.end()) {
        return known->second;
    }
    std::vector<std::int64_t> by_lane;
    if (!insist([&] { return writer_.load_positions(stream, how_.lanes, by_lane); })) {
        return std::nullopt;
    }
    std::int64_t const position = std::max<std::int64_t>(0, by_lane[std::size_t(how_.lane)]);
    positions_.emplace(stream, position);
    return position;
}

bool lane_writer::store(std::span<batch_entry> entries, marks_span marks,
                        ingest::uuid const& import_id, std::uint64_t bytes) {
    details_.clear();
    states_ = states_of::memory;
    out_.clear();
    out_.daemon_id = how_.daemon_id;
    out_.import_id = import_id;
    out_.lane = how_.lane;
    out_.bytes = bytes;
    out_.opened = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
    duplicates_.drop_repeats(entries);
    return insist([&] { return drop_moved_calls(writer_, entries); }) &&
           insist([&] { return duplicates_.drop_stored(entries); }) && store_range(entries, marks);
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

// Positions move with the last part: a crash in between repeats the first one, which its keys
// then show to be stored. That they may be is noted with the first.
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
        return insist([&] { return rows_.load(writer_); }) ? step::done : step::give_up;
    }
    // To make a row may be refused, which is the matter of some entry.
    auto const answer = rows_.load(writer_);
    return answer.ok() ? step::done : after_failure(answer, {}, entries, marks);
}

lane_writer::step lane_writer::try_once(std::span<batch_entry> entries, marks_span marks) {
    auto const began = clock::now();
    rows_.begin(entries, states_);
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
    if (states_ == states_of::locked_rows && !rows_.moves_all()) {
        writer_.roll_back(); // some entries are suspended by now: the rest moves fewer rows
        return step::again;
    }
    set_positions(marks);
    out_.id = ingest::uuid_v7();
    out_.duplicates =
        static_cast<std::uint32_t>(std::count_if(entries.begin(), entries.end(), [](auto const& e) {
            return e.state == entry_state::duplicate;
        }));
    if (out_.calls.empty() && out_.events.empty() && out_.suspense.empty() &&
        out_.resolved.empty() && out_.positions.empty()) {
        finish(entries, began);
        return step::done;
    }
    commit_counts counts;
    auto const why = writer_.commit(out_, counts);
    if (!why.ok()) {
        return after_failure(why, counts, entries, marks);
    }
    finish(entries, began);
    return step::done;
}

lane_writer::step lane_writer::after_failure(result const& why, commit_counts const& counts,
                                             std::span<batch_entry> entries, marks_span marks) {
    auto const go_on = [](bool ok) { return ok ? step::again : step::give_up; };
    switch (why.why) {
    case failure::duplicate:
        return after_duplicate(why, counts, entries);
    case failure::stale:
        return after_stale(why, entries);
    case failure::refused:
        observer_.retried(name_of(why.why), why);
        suspend_refused(entries, counts.verdicts);
        return step::again;
    case failure::position_lost:
        observer_.retried(name_of(why.why), why);
        return go_on(reread_positions(marks));
    case failure::bad_data:
        return after_bad_data(why, counts, entries);
    case failure::unknown: {
        bool there = false;
        if (!pause(name_of(why.why), why) ||
            !insist([&] { return writer_.is_committed(out_.id, there); })) {
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
        return go_on(pause(name_of(why.why), why));
    case failure::none:
        break;
    }
    return step::done;
}

// Who moved the rows will go on to do so: from now on the batch locks them first, and then waits
// before it tries again.
lane_writer::step lane_writer::after_stale(result const& why, std::span<batch_entry> entries) {
    if (states_ == states_of::memory) {
        observer_.retried(name_of(why.why), why);
    } else if (!pause(name_of(why.why), why)) {
        return step::give_up;
    }
    states_ = states_of::locked_rows;
    rows_.forget();
    return drop_settled(entries) ? step::again : step::give_up;
}

// A duplicate of no stored record breaks a key of the operator's own: the row is bad data. Looked
// for twice, since what was in the way may be gone by the first look.
lane_writer::step lane_writer::after_duplicate(result const& why, commit_counts const& counts,
                                               std::span<batch_entry> entries) {
    auto const live = [entries] {
        return std::count_if(entries.begin(), entries.end(),
                             [](auto const& e) { return e.state == entry_state::live; });
    };
    auto const live_before = live();
    observer_.retried(name_of(why.why), why);
    duplicates_.expect_stored();
    if (!insist([&] { return duplicates_.drop_stored(entries, true); })) {
        return step::give_up;
    }
    bool const is_found = live() < live_before;
    if (is_found || !std::exchange(looked_in_vain_, true)) {
        looked_in_vain_ = !is_found;
        return step::again;
    }
    looked_in_vain_ = false;
    return after_bad_data(why, counts, entries);
}

// Records tried again that somebody else has stored or discarded meanwhile.
bool lane_writer::drop_settled(std::span<batch_entry> entries) {
    if (out_.resolved.empty()) {
        return true;
    }
    std::vector<ingest::uuid> waiting;
    if (!insist([&] { return writer_.still_waiting(out_.resolved, waiting); })) {
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

lane_writer::step lane_writer::after_bad_data(result const& why, commit_counts const& counts,
                                              std::span<batch_entry> entries) {
    observer_.retried(name_of(why.why), why);
    if (auto* refused = refused_entry(entries, counts); refused != nullptr) {
        refused->suspend(record_error::database_refused, details_.emplace_back(why.detail));
        return step::again;
    }
    if (entries.size() > 1) {
        return step::halve;
    }
    if (!entries.empty() && entries[0].state == entry_state::suspended && !entries[0].is_bare) {
        entries[0].is_bare = true;
        return step::again;
    }
    // Nothing is left to set aside: the record waits, and somebody has to see why.
    result const stuck{failure::permanent, why.sqlstate, why.detail};
    return pause(name_of(stuck.why), stuck) ? step::again : step::give_up;
}

void lane_writer::suspend_refused(std::span<batch_entry> entries,
                                  std::span<verdict const> verdicts) {
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
            out_.positions.push_back({mark.stream, how_.lane, how_.lanes, expected, mark.end});
        }
    }
}

// Another reader of the stream stored a part. What it stored, its keys will show; here only the
// starting point of our own move has to be right again.
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
        if (*found < before) {
            throw database_went_back{mark.stream, before, *found};
        }
    }
    return true;
}

void lane_writer::finish(std::span<batch_entry> entries, clock::time_point began) {
    rows_.written();
    duplicates_.remember(entries);
    for (auto const& move : out_.positions) {
        positions_.insert_or_assign(std::string{move.stream}, move.next);
    }
    pauses_in_a_row_ = 0;
    looked_in_vain_ = false;
    observer_.stored({out_, entries, clock::now() - began});
}

bool lane_writer::pause(std::string_view reason, result const& why) {
    observer_.retried(reason, why);
    static thread_local std::minstd_rand random{std::random_device{}()};
    auto wait = how_.backoff_first;
    for (std::int64_t i = 0; i < pauses_in_a_row_ && wait < how_.backoff_max; ++i) {
        wait *= 2;
    }
    ++pauses_in_a_row_;
    wait = std::min(wait, how_.backoff_max);
    // Full jitter on the upper half, so that lanes do not come back all at once.
    std::uniform_int_distribution<std::int64_t> spread{wait.count() / 2, wait.count()};
    return wait_(std::chrono::milliseconds{spread(random)});
}

template <typename Request>
bool lane_writer::insist(Request&& request) {
    while (true) {
        result const answer = request();
        if (answer.ok()) {
            return true;
        }
        if (!pause(name_of(answer.why), answer)) {
            return false;
        }
    }
}

} // namespace tally::storage
