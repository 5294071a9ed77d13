#pragma once

#include "config/text_rules.hpp"
#include "ingest/record/cdr.hpp"

#include <chrono>
#include <string>

namespace tally::daemon {

/// When something is done again and again: every so many minutes since 1970 UTC, or at a time of
/// the day or week on the clocks of a zone.
struct cadence {
    std::chrono::minutes every{0}; ///< 0: by `at`
    config::appointment at;
    std::string zone = "UTC"; ///< IANA name, for `at`
};

/// The last moment not after `now` that a cadence asks for. Pure. A local time that the clocks skip
/// stands for the moment they skip it, one that comes twice for its first. Throws
/// std::runtime_error for a zone that the system does not have.
ingest::time_us latest_due(cadence const& when, ingest::time_us now);

/// The first moment after `now` that a cadence asks for.
ingest::time_us next_due(cadence const& when, ingest::time_us now);

} // namespace tally::daemon
