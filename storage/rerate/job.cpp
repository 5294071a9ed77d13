#include "storage/rerate/job.hpp"

#include "storage/postgres/database_error.hpp"

#include <algorithm>

namespace tally::storage {

namespace {

/// Attempts of a page after a lock timeout or another transient failure.
constexpr int tries_max = 5;

} // namespace

rerate_job::rerate_job(rerate_task task, rerate_hooks hooks)
    : task_{std::move(task)}, hooks_{std::move(hooks)}, reader_{task_.connection_string},
      writer_{task_.connection_string, task_.author}, rerater_{*task_.catalog} {}

rerate_outcome rerate_job::run() {
    if (prepare()) {
        rerate_periods();
    }

    // A run that was stopped stays `running`: the same selection continues it (C5).
    if (end_ == rerate_end::done && !task_.is_dry_run) {
        finish_rerate(writer_.connection(), run_.id);
    }
    return {end_, run_.id, run_.runs, run_.counts};
}

bool rerate_job::prepare() {
    // A name that does not exist is told apart from one without calls.
    reader_.open();
    if (!reader_.exists(task_.selection)) {
        end_ = rerate_end::nothing_selected;
        return false;
    }

    // One run of a selection at a time; another selection may overlap (calls are changed only as
    // they were read).
    if (!task_.is_dry_run) {
        auto const selection = canonical_text(task_.selection);
        if (!reader_.lock(selection)) {
            end_ = rerate_end::busy;
            return false;
        }
        run_ = begin_rerate(writer_.connection(), selection, task_.author.author,
                            task_.author.reason, task_.restart);
    }

    // The calls that an interrupted run has seen are part of the total that progress is shown for.
    calls_total_ = reader_.begin(task_.selection, run_.position) + run_.counts.seen;
    return true;
}

void rerate_job::rerate_periods() {
    // Chunks of periods, so that the calls of a few periods are read and sorted together.
    step done = step::done;
    while (done == step::done) {
        auto const periods = reader_.next_periods(task_.chunk_calls);
        if (periods.empty()) {
            return;
        }
        done = rerate_chunk(periods);

        // Another session has changed calls that were read: the rest of the chunk is read again
        // (C3).
        while (done == step::again) {
            done = rerate_chunk(rest_of(periods));
        }
    }
    end_ = rerate_end::stopped;
}

/// The periods of a chunk from the one of the run's position on.
std::span<rerate_period const> rerate_job::rest_of(std::span<rerate_period const> periods) const {
    usage_key const key{run_.position.subscription_id, run_.position.period_start};
    auto const found = std::find_if(periods.begin(), periods.end(),
                                    [&key](auto const& each) { return each.key() == key; });
    return found == periods.end() ? periods
                                  : periods.last(static_cast<std::size_t>(periods.end() - found));
}

/// Continues from the run's position. `again`: another session changed calls that had been read.
rerate_job::step rerate_job::rerate_chunk(std::span<rerate_period const> periods) {
    // One snapshot of calls and usage rows, from which later pages are told what has changed.
    known_.clear();
    for (auto const& each : reader_.read_calls(periods, run_.position)) {
        known_.push_back({each.allowance_s, each.corrections, 0});
    }
    states_.assign(periods.size(), {});
    periods_before_ = run_.counts.periods;

    // Pages, until all calls of the chunk are done or one page cannot be committed.
    std::vector<rerate_call> calls;
    step done = step::done;
    do {
        reader_.next_calls(task_.page_calls, calls);
        if (!calls.empty()) {
            done = stopping() ? step::stopped : rerate_page(periods, calls);
        }
    } while (done == step::done && !calls.empty());

    // The snapshot ends before the next is taken: an open one keeps VACUUM from removing old rows.
    reader_.end_calls();
    if (done == step::done) {
        finish_chunk(periods);
    }
    return done;
}

rerate_job::step rerate_job::rerate_page(std::span<rerate_period const> periods,
                                         std::span<rerate_call const> calls) {
    // A failure that may pass is tried again, since the whole page was rolled back.
    result status = try_page(periods, calls);
    for (int tries = 1; status.reason == failure::transient && tries < tries_max; ++tries) {
        status = try_page(periods, calls);
    }
    if (status.reason == failure::stale) {
        return step::again;
    }
    check(status);

    // Only what is committed is learned and reported.
    learn(calls);
    report();
    return step::done;
}

result rerate_job::try_page(std::span<rerate_period const> periods,
                            std::span<rerate_call const> calls) {
    // Calls come by period, so each period of the page is found once.
    period_indices_.clear();
    for (auto const& call : calls) {
        if (period_indices_.empty() || period_indices_.back() != call.period) {
            period_indices_.push_back(call.period);
        }
    }

    // From here on the usage rows are locked, unless it is a dry run (C1).
    result status = read_states(periods);
    if (!status.ok()) {
        return status;
    }

    // run_ moves only after COMMIT: a page that fails is tried again from the same counts.
    changes_.clear();
    unrated_.clear();
    rerate_run next = run_;
    rerater_.rate(calls, periods, states_, changes_, next.counts, unrated_);

    // The position of the last call: a run that ends here continues with the one after it (C5).
    auto const& last = calls.back();
    auto const& period = periods[last.period];
    next.position = {period.start, period.subscription_id, last.moment(), last.key.start,
                     last.key.id};
    next.counts.periods = periods_before_ + last.period;
    if (!task_.is_dry_run) {
        status = writer_.commit(changes_, next);
    }
    if (status.ok()) {
        run_ = next;
    }
    return status;
}

/// Reads the usage rows of the page's periods, under a lock unless it is a dry run. stale: calls of
/// one of them were changed since they were read.
result rerate_job::read_states(std::span<rerate_period const> periods) {
    // Locked from here to COMMIT, so that no lane draws on the allowance in between (C1).
    std::vector<usage_key> keys;
    for (auto const index : period_indices_) {
        keys.push_back(periods[index].key());
    }
    std::vector<period_usage> found;
    result status = task_.is_dry_run ? writer_.load_usage(keys, found) : writer_.begin(keys, found);
    for (std::size_t i = 0; status.ok() && i < period_indices_.size(); ++i) {
        // The row's own count of corrections says whether calls were changed since they were read
        // (C3).
        auto const& known = known_[period_indices_[i]];
        if (!task_.is_dry_run && found[i].corrections != known.corrections) {
            writer_.roll_back();
            return {failure::stale, {}, "calls were changed by another session"};
        }

        // What is drawn by calls that come before the page, or that are frozen.
        auto const used_s = found[i].state.included_seconds_used - known.to_come_s + known.dry_s;
        states_[period_indices_[i]] = {found[i].state, std::max<std::int64_t>(used_s, 0), false};
    }
    return status;
}

/// After a page: its calls are no longer among those to be rated.
void rerate_job::learn(std::span<rerate_call const> calls) {
    // Frozen calls were never among those to be rated.
    for (auto const& call : calls) {
        auto const status = call.rated.status;
        if (status == call_status::rated || status == call_status::rerated) {
            known_[call.period].to_come_s -= call.rated.allowance_s;
        }
    }

    for (auto const index : period_indices_) {
        auto& known = known_[index];
        auto const& state = states_[index];
        if (task_.is_dry_run) {
            known.dry_s =
                state.allowance_used_s - (state.usage.included_seconds_used - known.to_come_s);
        } else {
            // This run's own change of the row must not look like that of another session (C3).
            known.corrections += state.is_changed ? 1 : 0;
        }
    }
}

void rerate_job::report() const {
    if (hooks_.on_change) {
        for (auto const& change : changes_.changes()) {
            hooks_.on_change(change);
        }
    }
    if (hooks_.on_unrated) {
        for (auto const& each : unrated_) {
            hooks_.on_unrated(each);
        }
    }
    if (hooks_.on_progress) {
        hooks_.on_progress(run_.counts, calls_total_);
    }
}

void rerate_job::finish_chunk(std::span<rerate_period const> periods) {
    // The last periods may have no calls to rate, so that no page has moved the position past them.
    run_.counts.periods = periods_before_ + std::ssize(periods);
    run_.position = {periods.back().start,
                     periods.back().subscription_id,
                     ingest::never_us,
                     ingest::never_us,
                     {}};
    if (!task_.is_dry_run) {
        check(advance_rerate(writer_.connection(), run_));
    }
    if (hooks_.on_progress) {
        hooks_.on_progress(run_.counts, calls_total_);
    }
}

} // namespace tally::storage
