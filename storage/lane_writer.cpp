#include "storage/lane_writer.hpp"

#include "storage/partitions.hpp"

#include <random>

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;
using ingest::record_error;

std::string_view name_of(failure why) noexcept {
    switch (why) {
    case failure::none:
        return "none";
    case failure::transient:
        return "transient";
    case failure::permanent:
        return "permanent";
    case failure::bad_data:
        return "bad_data";
    case failure::duplicate:
        return "duplicate";
    case failure::stale:
        return "stale";
    case failure::position_lost:
        return "position_lost";
    case failure::unknown:
        return "unknown";
    }
    return "unknown";
}

} // namespace

lane_writer::lane_writer(batch_writer& writer, options how, lane_observer& observer,
                         retry_wait wait)
    : writer_{writer}, how_{how}, observer_{observer}, wait_{std::move(wait)} {}

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
    out_.clear();
    out_.daemon_id = how_.daemon_id;
    out_.import_id = import_id;
    out_.lane = how_.lane;
    out_.bytes = bytes;
    out_.opened = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
    drop_repeats_within(entries);
    return drop_stored(entries, expect_stored_) && store_range(entries, marks);
}

// Of calls with one key the first is kept; later ones are duplicates, or conflicts.
void lane_writer::drop_repeats_within(std::span<batch_entry> entries) {
    first_of_key_.clear();
    first_of_key_.reserve(entries.size());
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
        auto& entry = entries[i];
        if (entry.state != entry_state::live) {
            continue;
        }
        auto const [place, is_first] = first_of_key_.try_emplace(hash_of(entry.key()), i);
        if (is_first || entries[place->second].key() != entry.key()) {
            continue; // two keys of one hash: the unique index decides
        }
        if (same_content(*entries[place->second].call, *entry.call)) {
            entry.state = entry_state::duplicate;
        } else {
            entry.suspend(record_error::conflict, "another record of this call came first");
        }
    }
}

// Asks which of the live entries are stored: all of them, or those that the memory suspects.
bool lane_writer::drop_stored(std::span<batch_entry> entries, bool all) {
    std::vector<batch_entry*> asked;
    std::vector<call_key> keys;
    for (auto& entry : entries) {
        // What conflicts with a record before it in the batch may still repeat what is stored.
        bool const in_question =
            entry.call != nullptr &&
            (entry.state == entry_state::live ||
             (entry.state == entry_state::suspended && entry.reason == record_error::conflict));
        if (in_question && (all || recent_.holds(hash_of(entry.key())))) {
            asked.push_back(&entry);
            keys.push_back(entry.key());
        }
    }
    if (keys.empty()) {
        return true;
    }
    std::vector<stored_call> found;
    if (!insist([&] { return writer_.stored_calls(keys, found); })) {
        return false;
    }
    expect_stored_ = !found.empty() && (all || expect_stored_);
    judge_stored(asked, found);
    return true;
}

void lane_writer::judge_stored(std::span<batch_entry*> asked, std::span<stored_call const> found) {
    boost::unordered_flat_map<std::uint64_t, stored_call const*> by_key;
    by_key.reserve(found.size());
    for (auto const& stored : found) {
        by_key.emplace(hash_of(stored.key), &stored);
    }
    for (auto* entry : asked) {
        auto const place = by_key.find(hash_of(entry->key()));
        if (place == by_key.end() || place->second->key != entry->key()) {
            continue;
        }
        if (same_content(place->second->as_cdr(), *entry->call)) {
            entry->state = entry_state::duplicate;
        } else {
            entry->suspend(record_error::conflict, "this call is stored with other content");
        }
    }
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
// then show to be stored.
bool lane_writer::store_halves(std::span<batch_entry> entries, marks_span marks) {
    auto const middle = entries.size() / 2;
    return store_range(entries.first(middle), {}) && store_range(entries.subspan(middle), marks);
}

lane_writer::step lane_writer::try_once(std::span<batch_entry> entries, marks_span marks) {
    auto const began = clock::now();
    calls_.begin(entries, usage_);
    if (!load_missing()) {
        return step::give_up;
    }
    bool refused_some = false;
    if (!refuse_days_out_of_bounds(entries, refused_some)) {
        return step::give_up;
    }
    if (refused_some) {
        return step::again;
    }
    calls_.rate(usage_, out_);
    set_positions(marks);
    out_.id = ingest::uuid_v7();
    out_.duplicates =
        static_cast<std::uint32_t>(std::count_if(entries.begin(), entries.end(), [](auto const& e) {
            return e.state == entry_state::duplicate;
        }));
    if (out_.calls.empty() && out_.suspense.empty() && out_.resolved.empty() &&
        out_.positions.empty()) {
        finish(entries, began);
        return step::done;
    }
    commit_counts counts;
    auto const why = writer_.commit(out_, counts);
    if (!why.ok()) {
        return after_failure(why, counts.refused_call, entries, marks);
    }
    finish(entries, began);
    return step::done;
}

// The entry that the server refused, when that can be told: the calls of a batch are its live
// entries in their order.
batch_entry* lane_writer::refused_entry(std::span<batch_entry> entries, std::uint32_t call) {
    if (call == commit_counts::no_call && entries.size() > 1) {
        return nullptr;
    }
    std::uint32_t place = 0;
    for (auto& entry : entries) {
        bool const is_live = entry.state == entry_state::live;
        if (is_live && (entries.size() == 1 || place == call)) {
            return &entry;
        }
        place += is_live ? 1U : 0U;
    }
    return nullptr;
}

lane_writer::step lane_writer::after_failure(result const& why, std::uint32_t refused_call,
                                             std::span<batch_entry> entries, marks_span marks) {
    auto const go_on = [](bool ok) { return ok ? step::again : step::give_up; };
    switch (why.why) {
    case failure::duplicate:
        observer_.retried(name_of(why.why), why);
        expect_stored_ = true;
        return go_on(drop_stored(entries, true));
    case failure::stale:
        observer_.retried(name_of(why.why), why);
        for (auto const& delta : out_.usage) {
            usage_.forget({delta.subscription_id, delta.period_start});
        }
        return step::again;
    case failure::position_lost:
        observer_.retried(name_of(why.why), why);
        return go_on(reread_positions(marks));
    case failure::bad_data:
        observer_.retried(name_of(why.why), why);
        if (auto* refused = refused_entry(entries, refused_call); refused != nullptr) {
            refused->suspend(record_error::database_refused, details_.emplace_back(why.detail));
            return step::again;
        }
        if (entries.size() > 1) {
            return step::halve;
        }
        return go_on(pause(name_of(why.why), why));
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

bool lane_writer::load_missing() {
    if (calls_.missing().empty()) {
        return true;
    }
    std::vector<usage_state> states;
    if (!insist([&] { return writer_.load_usage(calls_.missing(), states); })) {
        return false;
    }
    calls_.learn(states, usage_);
    return true;
}

bool lane_writer::refuse_days_out_of_bounds(std::span<batch_entry> entries, bool& any) {
    days_.clear();
    for (auto const& entry : entries) {
        if (entry.state == entry_state::live) {
            auto const day = day_of(entry.call->start);
            if (days_.empty() || days_.back() != day) {
                days_.push_back(day);
            }
        }
    }
    std::sort(days_.begin(), days_.end());
    days_.erase(std::unique(days_.begin(), days_.end()), days_.end());
    std::vector<std::int32_t> refused;
    if (!days_.empty() && !ensure_days(refused)) {
        return false;
    }
    any = !refused.empty();
    for (auto& entry : entries) {
        if (any && entry.state == entry_state::live &&
            std::find(refused.begin(), refused.end(), day_of(entry.call->start)) != refused.end()) {
            entry.suspend(record_error::time_out_of_bounds,
                          ingest::explain(record_error::time_out_of_bounds));
        }
    }
    return true;
}

// Days whose partition cannot be made because another table has their place are refused one by
// one; every other trouble is waited out.
bool lane_writer::ensure_days(std::vector<std::int32_t>& refused) {
    static constexpr std::string_view overlaps = "42P17";
    auto const answer = writer_.ensure_cdr_days(days_, refused);
    if (answer.ok()) {
        return true;
    }
    if (answer.sqlstate != overlaps) {
        return pause(name_of(answer.why), answer) &&
               insist([&] { return writer_.ensure_cdr_days(days_, refused); });
    }
    refused.clear();
    for (auto const day : days_) {
        std::vector<std::int32_t> out_of_bounds;
        bool is_taken = false;
        bool const told = insist([&] {
            auto said = writer_.ensure_cdr_days({&day, 1}, out_of_bounds);
            is_taken = said.sqlstate == overlaps;
            return is_taken ? result{} : said;
        });
        if (!told) {
            return false;
        }
        if (is_taken || !out_of_bounds.empty()) {
            refused.push_back(day);
        }
    }
    return true;
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
        if (auto const known = positions_.find(mark.stream); known != positions_.end()) {
            positions_.erase(known);
        }
        if (!position_of(mark.stream)) {
            return false;
        }
    }
    return true;
}

void lane_writer::finish(std::span<batch_entry> entries, clock::time_point began) {
    calls_.written(out_, usage_);
    for (auto const& entry : entries) {
        if (entry.state == entry_state::live) {
            recent_.add(hash_of(entry.key()));
        }
    }
    for (auto const& move : out_.positions) {
        positions_.insert_or_assign(std::string{move.stream}, move.next);
    }
    pauses_in_a_row_ = 0;
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
