#pragma once

#include "ingest/record/cdr.hpp"

#include <string>

namespace tally::daemon {

/// "2026-05-04T10:00:00Z"; empty for a time that never was.
std::string time_text(ingest::time_us time);

/// What is wrong with a bound of time that somebody typed: a date (2026-05-04) or an RFC 3339 time
/// with a zone. Empty: nothing.
std::string bound_problem(std::string const& text);

/// The moment of a bound without a problem: of a date, its midnight in UTC. never_us for no text.
ingest::time_us bound_time(std::string const& text);

} // namespace tally::daemon
