#pragma once

#include "daemon/monitor/metric_registry.hpp"

#include <concepts>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tally::daemon {

/// The counters of one metric with labels. Finds a counter by the values of its labels without
/// building a prometheus::Labels map each time. Any thread.
class labeled_counters {
  public:
    /// Further combinations of values are counted under "other": otherwise a metric would grow with
    /// the number of sources.
    static constexpr std::size_t combinations_max = 500;

    /// `labels`: comma-separated names.
    labeled_counters(metric_registry& registry, std::string_view name, std::string_view labels,
                     std::string_view help);

    /// `values` in the order of the labels.
    void add(std::initializer_list<std::string_view> values, double count) noexcept;
    void add(std::initializer_list<std::string_view> values, std::integral auto count) noexcept {
        add(values, static_cast<double>(count));
    }
    [[nodiscard]] double sum() const;

  private:
    prometheus::Counter& find(std::initializer_list<std::string_view> values);

    prometheus::Family<prometheus::Counter>& family_;
    std::vector<std::string> labels_;
    mutable std::mutex mutex_;                                       ///< guards what follows
    std::unordered_map<std::string, prometheus::Counter*> counters_; ///< by values, NUL after each
    std::string key_;                                                ///< reused: no allocation
};

} // namespace tally::daemon
