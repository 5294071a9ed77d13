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

} // namespace tally::daemon
