#pragma once

#include "rating/quote/quote.hpp"

#include <string>

namespace tally::daemon {

/// "Tue 2026-03-10 17:30:00": the local time in an IANA zone.
std::string local_time_text(ingest::time_us t, std::string const& zone);

/// "peak: mon, tue 08:00-19:00, weight 10".
std::string band_text(rating::band const& band);

} // namespace tally::daemon
