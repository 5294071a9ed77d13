#pragma once

#include "rating/quote/quote.hpp"

#include <string>

namespace tally::daemon {

/// Explains the cost of a call in lines that can be read to a customer: prefix, band, each step,
/// allowance, fee, minimum, maximum and rounding. Contains no control characters, even when the
/// plan does.
std::string words_of(rating::call_question const& asked, rating::call_quote const& quoted,
                     rating::tariff const& plan);

/// The same for a usage event.
std::string words_of(rating::usage_question const& asked, rating::usage_quote const& quoted,
                     rating::tariff const& plan);

/// "Tue 2026-03-10 17:30:00": the local time in an IANA zone.
std::string local_time_text(ingest::time_us t, std::string const& zone);

/// "peak: mon, tue 08:00-19:00, weight 10".
std::string band_text(rating::band const& band);

} // namespace tally::daemon
