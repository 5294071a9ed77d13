#include "storage/lane/partition_guard.hpp"

#include "storage/partitions/partitions.hpp"

#include <algorithm>

namespace tally::storage {

namespace {

/// SQLSTATE: another partition overlaps the one that was to be created.
constexpr std::string_view overlaps = "42P17";

/// The days of these entries, sorted, each once. Calls of one day mostly arrive together, so few
/// days are collected twice.
template <typename Day, typename DayOf>
void collect_days(std::span<batch_entry const> entries, DayOf&& day_of_entry,
                  std::vector<Day>& days) {
    days.clear();
    // Runs of one day are shortened at once, so that the sort has few elements.
    for (auto const& entry : entries) {
        auto const day = day_of_entry(entry);
        if (day && (days.empty() || days.back() != *day)) {
            days.push_back(*day);
        }
    }

    // The search in suspend_those_of() needs them sorted.
    std::sort(days.begin(), days.end());
    days.erase(std::unique(days.begin(), days.end()), days.end());
}

std::optional<std::int32_t> call_day(batch_entry const& entry) noexcept {
    return entry.is_live_call() ? std::optional{day_of(entry.call->start)} : std::nullopt;
}

std::optional<event_day> day_of_event(batch_entry const& entry) noexcept {
    return entry.is_live_event()
               ? std::optional{event_day{entry.event->kind, day_of(entry.event->occurred)}}
               : std::nullopt;
}

template <typename Day, typename DayOf>
void suspend_those_of(std::span<batch_entry> entries, std::vector<Day> const& refused,
                      DayOf&& day_of_entry) {
    for (auto& entry : entries) {
        auto const day = day_of_entry(entry);
        if (day && std::binary_search(refused.begin(), refused.end(), *day)) {
            entry.suspend(ingest::record_error::time_out_of_bounds,
                          ingest::explain(ingest::record_error::time_out_of_bounds));
        }
    }
}

} // namespace

partition_guard::outcome partition_guard::refuse(std::span<batch_entry> entries,
                                                 retry const& until_answered) {
    // Create what is missing for calls, then for events.
    collect_days(entries, call_day, days_);
    refused_days_.clear();
    if (!days_.empty() && !ensure_call_days(until_answered)) {
        return outcome::gave_up;
    }

    // The kind of an event decides its table, so a day is one for each kind.
    collect_days(entries, day_of_event, event_days_);
    refused_event_days_.clear();
    if (!event_days_.empty() && !until_answered([this] {
            return store_.ensure_event_days(event_days_, refused_event_days_);
        })) {
        return outcome::gave_up;
    }

    // Records of a refused day go to suspense before the transaction begins: in it, they would be
    // refused row by row and cost the batch a rollback each.
    std::sort(refused_days_.begin(), refused_days_.end());
    std::sort(refused_event_days_.begin(), refused_event_days_.end());
    suspend_those_of(entries, refused_days_, call_day);
    suspend_those_of(entries, refused_event_days_, day_of_event);
    return refused_days_.empty() && refused_event_days_.empty() ? outcome::none_refused
                                                                : outcome::some_refused;
}

bool partition_guard::knows_call_days(std::span<batch_entry const> entries) {
    collect_days(entries, call_day, days_);
    return store_.has_cdr_days(days_);
}

/// Asks for all days at once; day by day if one of them is taken by another table.
bool partition_guard::ensure_call_days(retry const& until_answered) {
    // In the usual case one request, which for known days does not even ask the server.
    bool is_taken = false;
    if (!ask_for(days_, until_answered, is_taken)) {
        return false;
    }
    if (!is_taken) {
        return true;
    }

    // The report does not say which of the days is taken, so each is asked for by itself.
    std::vector<std::int32_t> refused;
    for (auto const& day : days_) {
        if (!ask_for({&day, 1}, until_answered, is_taken)) {
            return false;
        }
        if (is_taken || !refused_days_.empty()) {
            refused.push_back(day);
        }
    }
    refused_days_ = std::move(refused);
    return true;
}

/// Afterwards refused_days_ has the days out of bounds. `is_taken`: some day is taken.
bool partition_guard::ask_for(std::span<std::int32_t const> days, retry const& until_answered,
                              bool& is_taken) {
    return until_answered([&] {
        // An overlap does not go away by itself: as a failure it would be repeated forever.
        auto status = store_.ensure_cdr_days(days, refused_days_);
        is_taken = status.sqlstate == overlaps;
        return is_taken ? result{} : std::move(status);
    });
}

} // namespace tally::storage
