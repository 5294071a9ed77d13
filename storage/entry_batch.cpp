#include "storage/entry_batch.hpp"

namespace tally::storage {

entry_batch::entry_batch(std::size_t usage_states_max, std::size_t metric_states_max)
    : usage_{usage_states_max}, metrics_{metric_states_max} {}

void entry_batch::begin(std::span<batch_entry> entries) {
    entries_ = entries;
    book_.begin();
    calls_.begin(entries, book_);
    events_.begin(entries, book_, metrics_);
    missing_.clear();
    missing_places_.clear();
    for (std::uint32_t place = 0; place < book_.periods().size(); ++place) {
        auto& usage = book_.at(place);
        if (auto const* known = usage_.find(usage.key); known != nullptr) {
            usage.before = *known;
        } else {
            missing_.push_back(usage.key);
            missing_places_.push_back(place);
        }
    }
}

result entry_batch::load(batch_writer& from) {
    result answer = load_usage(from);
    if (answer.ok()) {
        answer = load_metrics(from);
    }
    if (answer.ok() && !events_.values().empty()) {
        answer = from.counted_values(events_.values(), counted_);
        if (answer.ok()) {
            events_.learn_counted(counted_);
        }
    }
    return answer;
}

result entry_batch::load_usage(batch_writer& from) {
    if (missing_.empty()) {
        return {};
    }
    result answer = from.load_usage(missing_, states_);
    for (std::size_t i = 0; answer.ok() && i < missing_.size(); ++i) {
        book_.at(missing_places_[i]).before = states_[i];
        usage_.put(missing_[i], states_[i]);
    }
    return answer;
}

result entry_batch::load_metrics(batch_writer& from) {
    if (events_.missing().empty()) {
        return {};
    }
    result answer = from.load_metrics(events_.missing(), metric_states_);
    if (answer.ok()) {
        events_.learn(metric_states_, metrics_);
    }
    return answer;
}

void entry_batch::rate(batch& out) {
    out.suspense.clear();
    out.resolved.clear();
    book_.start(out);
    calls_.rate(entries_, book_, out);
    events_.rate(entries_, book_, out);
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

void entry_batch::written() {
    for (auto const& usage : book_.periods()) {
        if (usage.delta.moves()) {
            usage_.put(usage.key, {usage.before.version + 1, usage.before.included_seconds_used +
                                                                 usage.delta.included_seconds});
        }
    }
    events_.written(metrics_);
}

void entry_batch::forget() noexcept {
    for (auto const& usage : book_.periods()) {
        usage_.forget(usage.key);
    }
    events_.forget(metrics_);
}

} // namespace tally::storage
