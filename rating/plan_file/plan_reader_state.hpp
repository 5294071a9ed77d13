#pragma once

#include "rating/plan/definition.hpp"
#include "rating/plan/problems.hpp"
#include "rating/plan/values.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tally::rating {

/// The state that the parts of read_plan share.
struct plan_reader_state {
    plan_definition plan;
    plan_problems problems;
    std::uint32_t file = 0; ///< the plan file, in `problems`
    std::optional<plan_zone> zone;
    std::vector<plan_location> rate_locations; ///< positions of plan.rates in the files
};

} // namespace tally::rating
