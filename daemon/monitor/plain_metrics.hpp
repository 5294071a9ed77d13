#pragma once

#include "daemon/monitor/metric_registry.hpp"

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally::daemon {

// Metrics register themselves when they are made, so that a metric is one member of the struct of
// its component (metrics.hpp). Any thread; the registry must outlive them.

class counter_metric {
  public:
    counter_metric(metric_registry& registry, std::string_view name, std::string_view help)
        : counter_(registry.add_counters({name, metric_type::counter, {}, help}).Add({})) {}

    void add(std::uint64_t count) noexcept { counter_.Increment(static_cast<double>(count)); }
    [[nodiscard]] double value() const noexcept { return counter_.Value(); }

  private:
    prometheus::Counter& counter_;
};

class gauge_metric {
  public:
    gauge_metric(metric_registry& registry, std::string_view name, std::string_view help)
        : gauge_(registry.add_gauges({name, metric_type::gauge, {}, help}).Add({})) {}

    void set(std::integral auto value) noexcept { gauge_.Set(static_cast<double>(value)); }

  private:
    prometheus::Gauge& gauge_;
};

/// A gauge for each value of one label. Once set, a gauge keeps its value: the caller sets it to 0
/// when there is nothing to report any longer.
class labeled_gauges {
  public:
    labeled_gauges(metric_registry& registry, std::string_view name, std::string_view label,
                   std::string_view help)
        : label_(label), family_(registry.add_gauges({name, metric_type::gauge, label, help})) {}

    void set(std::string const& label_value, std::integral auto value) {
        family_.Add({{label_, label_value}}).Set(static_cast<double>(value));
    }

  private:
    std::string label_;
    prometheus::Family<prometheus::Gauge>& family_;
};

class histogram_metric {
  public:
    using buckets = prometheus::Histogram::BucketBoundaries;

    histogram_metric(metric_registry& registry, std::string_view name, buckets const& limits,
                     std::string_view help)
        : histogram_(
              registry.add_histograms({name, metric_type::histogram, {}, help}).Add({}, limits)) {}

    void observe(double value) noexcept { histogram_.Observe(value); }

  private:
    prometheus::Histogram& histogram_;
};

} // namespace tally::daemon
