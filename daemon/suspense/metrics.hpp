#pragma once

#include "daemon/suspense/watch.hpp"

namespace tally::daemon {

class lane_monitor;
class metrics;

/// Turns the reports of the suspense watch into metrics. `counters` and `money` must outlive the
/// result.
suspense_observer suspense_observer_of(metrics& counters, lane_monitor& money);

} // namespace tally::daemon
