#pragma once

#include "ingest/record/cdr.hpp"

#include <string>

namespace tally::daemon {

/// "2026-05-04T10:00:00Z"; empty for never_us.
std::string time_text(ingest::time_us time);

/// "2026-05-04 10:00:00", for a column whose title says UTC; empty for never_us.
std::string utc_column_text(ingest::time_us time);

/// Checks a time bound of the command line: a date (2026-05-04) or an RFC 3339 time with a zone.
/// Returns the problem; empty: valid.
std::string bound_problem(std::string const& text);

/// The time of a valid bound; for a date, its midnight in UTC. never_us for an empty text.
ingest::time_us bound_time(std::string const& text);

} // namespace tally::daemon
