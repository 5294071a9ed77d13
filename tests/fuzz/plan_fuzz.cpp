#include "tests/fuzz/plan_fuzz.hpp"

#include "rating/plan_file/plan_file.hpp"
#include "rating/plan_file/plan_writer.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tally::fuzz {
namespace {

void require(bool holds, char const* text) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", text);
        std::abort();
    }
}

void check_problems(rating::plan_reading const& reading) {
    require(!reading.problems.empty(), "a plan, or the reason why there is no plan");
    for (auto const& each : reading.problems) {
        require(!each.text.empty() && !each.file.empty(), "what is wrong, and in which file");
        require(each.line >= 0 && each.column >= 0, "a location that can be shown");
    }
}

} // namespace

void check_plan(std::string_view plan_file, std::string_view deck) {
    auto const reading = rating::read_plan(plan_file, "plan.toml", [deck](std::string_view) {
        return std::optional<std::string>{deck};
    });
    if (!reading.plan) {
        check_problems(reading);
        return;
    }
    require(reading.problems.empty(), "no problems with a plan");
    static_cast<void>(rating::tariff_of(*reading.plan, nullptr));
    auto const again =
        rating::read_plan(rating::write_plan(*reading.plan), "again.toml",
                          [](std::string_view) { return std::optional<std::string>{}; });
    require(again.plan == reading.plan, "the same plan from the file that is written of it");
}

} // namespace tally::fuzz
