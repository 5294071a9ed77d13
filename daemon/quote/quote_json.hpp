#pragma once

#include "rating/quote/quote.hpp"

#include <optional>
#include <string>

namespace tally::daemon {

// What `tallyd rate` answers to scripts: one JSON object, money as decimal strings.

/// cost, currency, billed_s, allowance_s, matched_prefix, connect_fee, steps; or error and detail.
std::string json_of(rating::call_question const& asked, rating::call_quote const& quoted,
                    rating::tariff const& plan);
/// cost, currency, metric, and the quantities of the event and of its period; or error and detail.
std::string json_of(rating::usage_question const& asked, rating::usage_quote const& quoted,
                    rating::tariff const& plan);
/// error, and detail, field and line as far as they are known.
std::string json_of(rating::question_fault const& fault);

/// Why a call could not be rated.
rating::question_fault fault_of(rating::call_question const& asked,
                                rating::call_quote const& quoted, rating::tariff const& plan);

/// The code of the plan that a rate belongs to, when it is one of the plan's fallbacks.
std::optional<std::string> fallback_of(rating::rate const& by, rating::tariff const& plan);

} // namespace tally::daemon
