#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace tally::daemon {

enum class metric_type : std::uint8_t { counter, gauge, histogram };

/// What /metrics says of a metric besides its values. All views are of static storage.
struct metric_row {
    std::string_view name;
    metric_type type = metric_type::counter;
    std::string_view labels; ///< comma-separated, or empty
    std::string_view help;
};

/// The metrics of a daemon, in the order in which they registered themselves. A metric without
/// labels is in the text from the start, one with labels from its first count on. Registration on
/// one thread, before others read the text.
class metric_registry {
  public:
    prometheus::Family<prometheus::Counter>& add_counters(metric_row const& row);
    prometheus::Family<prometheus::Gauge>& add_gauges(metric_row const& row);
    prometheus::Family<prometheus::Histogram>& add_histograms(metric_row const& row);

    /// Prometheus text exposition format, version 0.0.4. Any thread.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::span<metric_row const> rows() const noexcept { return rows_; }

  private:
    prometheus::Registry registry_;
    std::vector<metric_row> rows_;
};

} // namespace tally::daemon
