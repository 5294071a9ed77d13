#include "storage/lane/entry_batch.hpp"

#include <algorithm>

namespace tally::storage {

entry_batch::entry_batch(std::size_t usage_states_max, std::size_t metric_states_max)
    : usage_{usage_states_max}, metrics_{metric_states_max} {}

void entry_batch::begin(std::span<batch_entry> entries, states_of states) {
    entries_ = entries;
    states_from_ = states;

    // Which usage and metric rows do the entries change?
    book_.begin();
    calls_.begin(entries, book_);
    events_.begin(entries, book_, is_remembering() ? &metrics_ : nullptr);

    // Which of the usage rows are not remembered? Locked rows are all read.
    missing_.clear();
    missing_places_.clear();
    for (std::uint32_t place = 0; place < book_.periods().size(); ++place) {
        auto& usage = book_.at(place);
        auto const* known = is_remembering() ? usage_.find(usage.key) : nullptr;
        if (known != nullptr) {
            usage.before = *known;
        } else {
            missing_.push_back(usage.key);
            missing_places_.push_back(place);
        }
    }
}

result entry_batch::load(batch_writer& from) {
    if (is_remembering()) {
        return read(from);
    }
    result answer = lock_rows(from);
    if (answer.ok()) {
        answer = read(from);
        if (!answer.ok()) {
            from.roll_back();
        }
    }
    return answer;
}

result entry_batch::lock_rows(batch_writer& with) {
    locked_.clear();
    for (auto const& usage : book_.periods()) {
        locked_.push_back(usage.delta);
    }
    return with.lock_rows(locked_, events_.missing());
}

result entry_batch::read(batch_writer& from) {
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
        if (is_remembering()) {
            usage_.put(missing_[i], states_[i]);
        }
    }
    return answer;
}

result entry_batch::load_metrics(batch_writer& from) {
    if (events_.missing().empty()) {
        return {};
    }
    result answer = from.load_metrics(events_.missing(), metric_states_);
    if (answer.ok()) {
        events_.learn(metric_states_, is_remembering() ? &metrics_ : nullptr);
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
        // A retried record that is stored, or is a duplicate, resolves its row in suspense.
        if (entry.state != entry_state::suspended) {
            if (!entry.suspense_id.is_nil()) {
                out.resolved.push_back(entry.suspense_id);
            }
        } else if (entry.is_bare) {
            out.suspense.push_back(
                {entry.reason, {}, entry.from->id, entry.format, entry.raw, out.opened});
        } else {
            out.suspense.push_back({entry.reason, entry.detail, entry.from->id, entry.format,
                                    entry.raw, entry.received});
        }
    }
}

bool entry_batch::moves_all() const noexcept {
    return events_.moves_all() &&
           std::all_of(book_.periods().begin(), book_.periods().end(),
                       [](auto const& usage) { return usage.delta.moves(); });
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
