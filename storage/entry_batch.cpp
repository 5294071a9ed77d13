#include "storage/entry_batch.hpp"

namespace tally::storage {

void entry_batch::begin(std::span<batch_entry> entries) {
    entries_ = entries;
    book_.begin();
    calls_.begin(entries, book_);
    events_.begin(entries, book_, metrics_);
    missing_.clear();
    for (auto const& usage : book_.periods()) {
        if (usage_.find(usage.key) == nullptr) {
            missing_.push_back(usage.key);
        }
    }
}

result entry_batch::load(batch_writer& from) {
    result said;
    if (!missing_.empty()) {
        said = from.load_usage(missing_, states_);
        for (std::size_t i = 0; said.ok() && i < missing_.size(); ++i) {
            usage_.put(missing_[i], states_[i]);
        }
    }
    if (said.ok() && !events_.missing().empty()) {
        said = from.load_metrics(events_.missing(), metric_states_);
        if (said.ok()) {
            events_.learn(metric_states_, book_, metrics_);
        }
    }
    if (said.ok() && !events_.values().empty()) {
        said = from.counted_values(events_.values(), counted_);
        if (said.ok()) {
            events_.learn_counted(counted_);
        }
    }
    return said;
}

void entry_batch::rate(batch& out) {
    out.suspense.clear();
    out.resolved.clear();
    book_.start(usage_, out);
    calls_.rate(entries_, book_, out);
    events_.rate(entries_, book_, metrics_, out);
    book_.finish(out);
    add_suspended(out);
}

void entry_batch::add_suspended(batch& out) const {
    for (auto const& entry : entries_) {
        if (entry.state != entry_state::suspended) {
            if (!entry.suspense_id.is_nil()) {
                out.resolved.push_back(entry.suspense_id);
            }
        } else {
            out.suspense.push_back(
                {entry.reason, entry.detail, entry.from->id, entry.format, entry.raw});
        }
    }
}

void entry_batch::written(batch const& stored) {
    for (auto const& delta : stored.usage) {
        usage_key const key{delta.subscription_id, delta.period_start};
        auto const* known = usage_.find(key);
        std::int64_t const before = known == nullptr ? 0 : known->included_seconds_used;
        usage_.put(key, {delta.expected_version + 1, before + delta.included_seconds});
    }
    events_.written(stored, book_, metrics_);
}

void entry_batch::forget(batch const& tried) {
    for (auto const& delta : tried.usage) {
        usage_.forget({delta.subscription_id, delta.period_start});
    }
    events_.forget(tried, book_, metrics_);
}

} // namespace tally::storage
