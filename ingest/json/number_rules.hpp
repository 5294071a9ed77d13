#pragma once

#include "ingest/record/number_rules.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

struct number_rules_reading {
    number_rules rules; ///< empty if there is a problem
    std::vector<std::string> problems;
};

/// Reads the rules from JSON and reports every problem. All members are optional:
///
///     { "international_prefixes": ["00", "011"],
///       "national_prefix": "0", "country_code": "91", "national_lengths": [10],
///       "rewrites": [ {"prefix": "b00", "replacement": ""},
///                     {"prefix": "*31#", "replacement": ""} ],
///       "short_codes": ["1800180"], "short_digits_max": 6 }
number_rules_reading read_number_rules(std::string_view json);

} // namespace tally::ingest
