#include "daemon/monitor/labeled_counters.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace tally::daemon {

namespace {

std::vector<std::string> split_labels(std::string_view labels) {
    std::vector<std::string> names;
    while (!labels.empty()) {
        std::string_view const name = labels.substr(0, labels.find(','));
        names.emplace_back(name);
        labels.remove_prefix(std::min(labels.size(), name.size() + 1));
    }
    return names;
}

} // namespace

labeled_counters::labeled_counters(metric_registry& registry, std::string_view name,
                                   std::string_view labels, std::string_view help)
    : family_(registry.add_counters({name, metric_type::counter, labels, help})),
      labels_(split_labels(labels)) {}

void labeled_counters::add(std::initializer_list<std::string_view> values, double count) noexcept {
    std::lock_guard const lock{mutex_};
    try {
        find(values).Increment(count);
    } catch (std::exception const&) {
        // Out of memory for a new label: this loses a count, not a record.
    }
}

/// The caller holds mutex_.
prometheus::Counter& labeled_counters::find(std::initializer_list<std::string_view> values) {
    // A zero byte ends each value, so that ("ab", "c") and ("a", "bc") differ.
    key_.clear();
    for (std::string_view const value : values) {
        key_.append(value).push_back('\0');
    }
    if (auto const known = counters_.find(key_); known != counters_.end()) {
        return *known->second;
    }

    // Labels come from senders in part: without a bound they could fill the memory.
    bool const is_full = counters_.size() >= combinations_max;
    prometheus::Labels labels;
    auto value = values.begin();
    for (std::string const& name : labels_) {
        labels.emplace(name, is_full ? "other" : std::string{*value++});
    }
    prometheus::Counter& counter = family_.Add(labels);
    // "other" is stored once, under the empty key, which no combination of values has.
    counters_.emplace(is_full ? std::string{} : key_, &counter);
    return counter;
}

double labeled_counters::sum() const {
    std::lock_guard const lock{mutex_};
    double total = 0;
    for (auto const& [key, counter] : counters_) {
        total += counter->Value();
    }
    return total;
}

} // namespace tally::daemon
