#pragma once

#include "daemon/suspense/suspense_watch.hpp"

namespace tally::daemon {

class lane_monitor;
class metrics;

/// Turns what the suspense watch tells into metrics. Both must outlive it.
suspense_observer suspense_observer_of(metrics& counters, lane_monitor& money);

} // namespace tally::daemon
