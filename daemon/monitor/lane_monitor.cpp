#include "daemon/monitor/lane_monitor.hpp"

#include "daemon/monitor/metrics.hpp"
#include "ingest/base/time.hpp"
#include "storage/batch/event_tables.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace tally::daemon {

namespace {

/// The other reasons are the normal work of lanes beside each other.
bool is_about_the_database(storage::failure reason) noexcept {
    return reason == storage::failure::transient || reason == storage::failure::permanent ||
           reason == storage::failure::unknown;
}

} // namespace

lane_monitor::lane_monitor(metrics& counters, std::size_t lanes)
    : counters_{counters}, last_commit_s_{new std::atomic<std::int64_t>[lanes] {}}, lanes_{lanes} {}

void lane_monitor::stored(storage::stored_batch const& stored) {
    // Counted per batch, not per record: no lock or metric is touched on the way of a record.
    std::uint64_t duplicates = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(ingest::record_error::count_)> suspended{};
    for (auto const& entry : stored.entries) {
        duplicates += entry.state == storage::entry_state::duplicate ? 1U : 0U;
        if (entry.state == storage::entry_state::suspended) {
            ++suspended[static_cast<std::size_t>(entry.reason)];
        }
    }

    counters_.records.committed.add({"cdr"}, stored.rows.calls_stored());
    counters_.records.committed.add({"event"}, stored.rows.events.size());
    counters_.records.duplicate.add(duplicates);

    // By reason, since each of them asks for another remedy.
    for (std::size_t reason = 0; reason < suspended.size(); ++reason) {
        if (suspended[reason] > 0) {
            counters_.records.suspended.add({code(static_cast<ingest::record_error>(reason))},
                                            suspended[reason]);
        }
    }
    if (auto const records =
            suspended[static_cast<std::size_t>(ingest::record_error::refused_together)];
        records > 0) {
        report_unsearched(stored, records);
    }

    count_money(stored.rows);

    // After COMMIT, so the worker finds them queued (R17).
    if (wake_effects_ && storage::has_effects(stored.rows)) {
        wake_effects_();
    }

    counters_.lanes.batch_rows.observe(
        static_cast<double>(stored.rows.calls_stored() + stored.rows.events.size()));
    counters_.lanes.commit_seconds.observe(std::chrono::duration<double>(stored.took).count());

    auto const lane = static_cast<std::size_t>(stored.rows.lane);
    if (lane < lanes_) {
        last_commit_s_[lane].store(ingest::now_s(), std::memory_order_relaxed);
    }

    // A commit is the best proof that the database is there.
    lanes_fail_ = false;
    reached();
}

/// Such batches may come many times a second; the log gets their sum now and then.
void lane_monitor::report_unsearched(storage::stored_batch const& stored, std::uint64_t records) {
    constexpr std::int64_t log_every_s = 10;
    auto const now_s = ingest::now_s();
    {
        std::lock_guard const lock{mutex_};
        unsearched_ += records;
        if (now_s < unsearched_logged_s_ + log_every_s) {
            return;
        }
        unsearched_logged_s_ = now_s;
        records = std::exchange(unsearched_, 0);
    }

    auto const found = std::ranges::find(stored.entries, ingest::record_error::refused_together,
                                         &storage::batch_entry::reason);
    spdlog::warn(
        "event=records_suspended_unsearched records={} source=\"{}\" detail=\"the database "
        "refuses more records than can be searched for; a retry stores the good ones\"",
        records, found->source->name);
}

void lane_monitor::count_money(storage::batch const& rows) {
    // A batch has a few currencies at most, so a linear search is faster than a map.
    std::vector<std::pair<storage::currency_code, rating::amount_sum>> sums;
    for (auto const& usage : rows.usage) {
        auto found = std::find_if(sums.begin(), sums.end(),
                                  [&](auto const& sum) { return sum.first == usage.currency; });
        if (found == sums.end()) {
            found = sums.insert(sums.end(), {usage.currency, {}});
        }
        found->second += usage.total_cost;
    }
    for (auto const& [currency, sum] : sums) {
        counters_.lanes.rated_amount.add({std::string_view{currency.data(), currency.size()}},
                                         static_cast<double>(sum.nanos) / 1e9);
    }
}

void lane_monitor::retried(std::string_view reason, storage::result const& status) {
    counters_.lanes.retries.add({reason}, 1);

    // A stale row or a duplicate key is normal work and says nothing about the database.
    if (!is_about_the_database(status.reason)) {
        spdlog::debug("event=batch_retried reason={} sqlstate={} detail=\"{}\"", reason,
                      status.sqlstate, status.detail);
        return;
    }

    spdlog::warn("event=database_trouble kind={} sqlstate={} detail=\"{}\"", reason,
                 status.sqlstate, status.detail);
    lanes_fail_ = true;
    {
        std::lock_guard const lock{mutex_};
        detail_ = status.detail;
    }
    tell_state();
}

void lane_monitor::fill(daemon_status& status) const {
    for (auto& lane : status.lanes) {
        if (auto const index = last_commit_s_[lane.lane].load(std::memory_order_relaxed);
            index > 0) {
            lane.last_commit_s = index;
        }
    }

    status.database_reached = ever_up_;
    status.database_up = up_;
    std::lock_guard const lock{mutex_};
    status.database_detail = detail_;
}

void lane_monitor::reached() noexcept {
    is_lost_ = false;
    tell_state();
}

/// By a connection that is not a lane's, such as the one that waits for changes of the catalog.
void lane_monitor::lost(std::string detail) {
    is_lost_ = true;
    {
        std::lock_guard const lock{mutex_};
        detail_ = std::move(detail);
    }
    tell_state();
}

void lane_monitor::tell_state() noexcept {
    // Two witnesses: the watch may reach the database while a lane's transactions fail, and the
    // reverse.
    bool const now = !is_lost_ && !lanes_fail_;
    ever_up_ = ever_up_ || !is_lost_;
    if (up_ == now) { // the usual case, without the lock
        return;
    }

    // Several lanes may notice the change at once; one of them reports it.
    std::lock_guard const lock{mutex_};
    if (up_.exchange(now) == now) {
        return;
    }
    counters_.database.up.set(now);
    if (now) {
        spdlog::info("event=database_up");

        // An old reason beside "up" would only mislead.
        detail_.clear();
    }
}

} // namespace tally::daemon
