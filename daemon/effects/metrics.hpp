#pragma once

#include "daemon/effects/worker.hpp"

namespace tally::daemon {

class metrics;

/// Turns the reports of the effects worker into metrics. `counters` must outlive the result.
effects_observer effects_observer_of(metrics& counters);

} // namespace tally::daemon
