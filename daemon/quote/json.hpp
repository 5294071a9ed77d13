#pragma once

#include "rating/quote/quote.hpp"

#include <optional>
#include <string>

namespace tally::daemon {

// The answers of `tallyd rate` for scripts: one JSON object, amounts as decimal strings.

/// cost, currency, billed_s, allowance_s, matched_prefix, connect_fee, steps; or error and detail.
std::string json_of(rating::call_question const& asked, rating::call_quote const& quoted,
                    rating::tariff const& plan);
/// cost, currency, metric, and the quantities of the event and of its period; or error and detail.
std::string json_of(rating::usage_question const& asked, rating::usage_quote const& quoted,
                    rating::tariff const& plan);
/// error and detail; field if it is known.
std::string json_of(rating::question_fault const& fault);

/// Explains why a call could not be rated.
rating::question_fault fault_of(rating::call_question const& asked,
                                rating::call_quote const& quoted, rating::tariff const& plan);

/// The code of the fallback plan that the rate belongs to; nullopt: it is a rate of `plan` itself.
std::optional<std::string> fallback_of(rating::rate const& rate, rating::tariff const& plan);

} // namespace tally::daemon
