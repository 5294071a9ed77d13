#include "daemon/monitor/metric_registry.hpp"

#include <sstream>
#include <utility>

#include <prometheus/text_serializer.h>

namespace tally::daemon {

namespace {

template <typename Metric>
prometheus::Family<Metric>& family_of(prometheus::Registry& registry, metric_row const& row) {
    return prometheus::detail::Builder<Metric>()
        .Name(std::string{row.name})
        .Help(std::string{row.help})
        .Register(registry);
}

} // namespace

prometheus::Family<prometheus::Counter>& metric_registry::add_counters(metric_row const& row) {
    rows_.push_back(row);
    return family_of<prometheus::Counter>(registry_, row);
}

prometheus::Family<prometheus::Gauge>& metric_registry::add_gauges(metric_row const& row) {
    rows_.push_back(row);
    return family_of<prometheus::Gauge>(registry_, row);
}

prometheus::Family<prometheus::Histogram>& metric_registry::add_histograms(metric_row const& row) {
    rows_.push_back(row);
    return family_of<prometheus::Histogram>(registry_, row);
}

std::string metric_registry::text() const {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, registry_.Collect());
    return std::move(out).str();
}

} // namespace tally::daemon
