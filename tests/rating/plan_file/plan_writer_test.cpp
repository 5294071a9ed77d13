#include "rating/plan_file/plan_file.hpp"
#include "rating/plan_file/plan_writer.hpp"
#include "tests/support/random_plan.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::rating {
namespace {

RC_GTEST_PROP(plan_writer, writes_what_is_read_back, ()) {
    auto const plan = tests::random_plan("test");
    auto const text = write_plan(plan);
    auto const reading =
        read_plan(text, "plan.toml", [](std::string_view) { return std::optional<std::string>{}; });
    for (auto const& each : reading.problems) {
        RC_FAIL(std::to_string(each.line) + ": " + each.text + "\n" + text);
    }
    RC_ASSERT(reading.plan.has_value());
    RC_ASSERT(*reading.plan == plan);
    RC_ASSERT(write_plan(*reading.plan) == text);
}

} // namespace
} // namespace tally::rating
