#include "storage/lane/entry_batch.hpp"

#include <algorithm>

namespace tally::storage {

entry_batch::entry_batch(std::size_t usage_states_max, std::size_t metric_states_max)
    : usage_{usage_states_max}, metrics_{metric_states_max} {}

void entry_batch::begin(std::span<batch_entry> entries, states_of states) {
    entries_ = entries;
    states_from_ = states;

    // Which usage and metric rows do the entries change?
    totals_.begin();
    calls_.begin(entries, 0, totals_);
    events_.begin(entries, totals_, is_remembering() ? &metrics_ : nullptr);
    first_taken_ = 0;
    periods_taken_ = 0;
    find_missing();
}

/// Which of the usage rows are not remembered? Locked rows are all read.
void entry_batch::find_missing() {
    // A remembered row may be stale: the version check at COMMIT finds that out (R8), and costs
    // nothing when it is not.
    missing_.clear();
    missing_indices_.clear();
    for (auto index = static_cast<std::uint32_t>(periods_taken_); index < totals_.periods().size();
         ++index) {
        auto& usage = totals_.at(index);
        auto const* known = is_remembering() ? usage_.find(usage.key) : nullptr;
        if (known != nullptr) {
            usage.before = *known;
        } else {
            missing_.push_back(usage.key);
            missing_indices_.push_back(index);
        }
    }
}

result entry_batch::load(batch_store& store) {
    // Without locks no transaction is open, so a failure leaves nothing to roll back.
    if (is_remembering()) {
        return read(store);
    }

    // Locks first: what is read under them is still true when the batch commits (S3).
    result status = lock_rows(store);
    if (status.ok()) {
        status = read(store);
        if (!status.ok()) {
            store.roll_back();
        }
    }
    return status;
}

result entry_batch::lock_rows(batch_store& store) {
    // All usage rows, not only the missing ones: a remembered state may be the one that was stale.
    locked_.clear();
    for (auto const& usage : totals_.periods()) {
        locked_.push_back(usage.delta);
    }
    return store.lock_rows(locked_, events_.missing());
}

result entry_batch::read(batch_store& store) {
    result status = load_usage(store);
    if (status.ok()) {
        status = load_metrics(store);
    }

    // Only metrics that count distinct values need this round trip.
    if (status.ok() && !events_.values().empty()) {
        status = store.counted_values(events_.values(), counted_);
        if (status.ok()) {
            events_.learn_counted(counted_);
        }
    }
    return status;
}

result entry_batch::load_usage(batch_store& store) {
    // The usual case of a lane in steady state: no round trip before the batch.
    if (missing_.empty()) {
        return {};
    }
    result status = store.load_usage(missing_, states_);
    for (std::size_t i = 0; status.ok() && i < missing_.size(); ++i) {
        // A locked row is not remembered here: the transaction may still roll back.
        totals_.at(missing_indices_[i]).before = states_[i];
        if (is_remembering()) {
            usage_.put(missing_[i], states_[i]);
        }
    }
    return status;
}

result entry_batch::load_metrics(batch_store& store) {
    if (events_.missing().empty()) {
        return {};
    }
    result status = store.load_metrics(events_.missing(), metric_states_);
    if (status.ok()) {
        events_.learn(metric_states_, is_remembering() ? &metrics_ : nullptr);
    }
    return status;
}

void entry_batch::rate(batch& out) {
    // Calls before events, and both before the sums: events and calls add to the same periods.
    start(out);
    calls_.rate(entries_, 0, totals_, out);
    events_.rate(entries_, totals_, out);
    finish(out);
}

void entry_batch::start(batch& out) {
    out.written_ahead = {};
    out.calls.clear();
    out.suspense.clear();
    out.resolved.clear();
    totals_.start(out);
}

void entry_batch::take(std::span<batch_entry> entries, std::size_t first) {
    entries_ = entries;
    first_taken_ = first;
    periods_taken_ = totals_.periods().size();
    calls_.begin(entries, first, totals_);
    find_missing();
}

void entry_batch::rate_taken(batch& out) {
    totals_.start_periods(periods_taken_);
    calls_.rate(entries_, first_taken_, totals_, out);
}

void entry_batch::finish(batch& out) {
    totals_.finish(out);
    add_suspended(out);
}

void entry_batch::add_suspended(batch& out) const {
    for (auto const& entry : entries_) {
        // A retried record that is stored, or is a duplicate, resolves its row in suspense.
        if (entry.state != entry_state::suspended) {
            if (!entry.suspense_id.is_nil()) {
                out.resolved.push_back(entry.suspense_id);
            }
        } else if (entry.is_bare) {
            out.suspense.push_back(
                {entry.reason, {}, entry.source->id, entry.format, entry.raw, out.opened});
        } else {
            out.suspense.push_back({entry.reason, entry.detail, entry.source->id, entry.format,
                                    entry.raw, entry.received});
        }
    }
}

bool entry_batch::moves_all() const noexcept {
    // Under locks lock_rows() has created rows; one that stays unused would be committed as an
    // empty usage row (S3).
    return events_.moves_all() &&
           std::all_of(totals_.periods().begin(), totals_.periods().end(),
                       [](auto const& usage) { return usage.delta.moves(); });
}

void entry_batch::written() {
    for (auto const& usage : totals_.periods()) {
        // The row as the UPDATE left it, so that the next batch of the account reads nothing.
        if (usage.delta.moves()) {
            usage_.put(usage.key, {usage.before.version + 1, usage.before.included_seconds_used +
                                                                 usage.delta.included_seconds});
        }
    }
    events_.written(metrics_);
}

void entry_batch::forget() noexcept {
    for (auto const& usage : totals_.periods()) {
        // Which of the rows was stale is not known, so all of the batch are read again.
        usage_.forget(usage.key);
    }
    events_.forget(metrics_);
}

void entry_batch::forget_all() noexcept {
    // A new session may be with another server after a failover, whose rows may be older.
    usage_.clear();
    metrics_.clear();
}

} // namespace tally::storage
