#pragma once

#include "config/text_rules.hpp"
#include "ingest/record/cdr.hpp"

#include <chrono>
#include <string>

namespace tally::daemon {

/// When a job is due: every so many minutes, counted from 1970 UTC, or at a local time of the day
/// or week.
struct cadence {
    std::chrono::minutes every{0}; ///< 0: use `appointment`
    config::appointment appointment;
    std::string zone = "UTC"; ///< IANA name, for `appointment`
};

/// The latest due time that is not after `now`. Pure. A local time that a daylight saving change
/// skips means the moment of the change; one that occurs twice means the first. Throws
/// std::runtime_error for a time zone that the system does not have.
ingest::time_us latest_due(cadence const& schedule, ingest::time_us now);

/// The first due time after `now`.
ingest::time_us next_due(cadence const& schedule, ingest::time_us now);

} // namespace tally::daemon
