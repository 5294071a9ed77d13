#include "tests/daemon/quote/rate_fixture.hpp"

#include <gtest/gtest.h>

// The cost of usage events, with the real `tallyd rate`. Values are computed by hand.

namespace tally {
namespace {

using namespace tests;

std::string metric(std::string_view name, std::string_view more) {
    return "[[metric]]\nname = \"" + std::string{name} + "\"\n" + std::string{more} + '\n';
}

std::string sms(std::string_view more) {
    return plan_text("", metric("sms", more));
}

constexpr char const* noon = "2026-03-10T12:00:00Z";

TEST(rate_metrics, per_unit_beyond_what_is_included) {
    auto const plan = sms("unit = \"message\"\nincluded = \"100\"\nmodel = \"per_unit\"\n"
                          "price = \"0.10\"");
    expect_rated(plan,
                 {{event_line("sms", "3"), "cost=0 currency=INR unit=message"},
                  {event_line("sms", "103"), "cost=0.3 included_quantity=100 billable_quantity=3"},
                  {event_line("sms", "100.5"), "cost=0.05"}});
    expect_rated(plan,
                 {{event_line("sms", "90"), "cost=0 period_quantity=90"},
                  {event_line("sms", "15"),
                   "cost=0.5 included_quantity=10 billable_quantity=5 period_cost=0.5"},
                  {event_line("sms", "1"), "cost=0.1 period_included_quantity=100"},
                  {event_line("sms", "-6"), "cost=-0.6 period_quantity=100"}},
                 {"--carry"});
}

TEST(rate_metrics, packages_are_charged_when_started) {
    auto const plan = sms("model = \"package\"\npackage = \"1024\"\nprice = \"5\"");
    expect_rated(plan, {{event_line("sms", "1"), "cost=5"},
                        {event_line("sms", "1024"), "cost=5"},
                        {event_line("sms", "1024.000000001"), "cost=10"}});
    expect_rated(plan,
                 {{event_line("sms", "1000"), "cost=5"},
                  {event_line("sms", "24"), "cost=0"},
                  {event_line("sms", "1"), "cost=5"}},
                 {"--carry"});
}

constexpr char const* tiers = "tiers = [ { up_to = \"10\", price = \"1\" }, "
                              "{ price = \"0.5\", flat = \"2\" } ]";

TEST(rate_metrics, graduated_tiers) {
    auto const plan = sms("model = \"graduated\"\n" + std::string{tiers});
    expect_rated(plan, {{event_line("sms", "10"), "cost=10"},
                        {event_line("sms", "11"), "cost=12.5"},
                        {event_line("sms", "20"), "cost=17"}});
    expect_rated(plan,
                 {{event_line("sms", "10"), "cost=10"},
                  {event_line("sms", "1"), "cost=2.5"},
                  {event_line("sms", "1"), "cost=0.5 period_cost=13"}},
                 {"--carry"});
}

TEST(rate_metrics, volume_tiers_may_give_back) {
    auto const plan = sms("model = \"volume\"\n" + std::string{tiers});
    expect_rated(plan,
                 {{event_line("sms", "10"), "cost=10"}, {event_line("sms", "11"), "cost=7.5"}});
    expect_rated(plan,
                 {{event_line("sms", "10"), "cost=10"},
                  {event_line("sms", "1"), "cost=-2.5 period_cost=7.5"},
                  {event_line("sms", "9"), "cost=4.5 period_cost=12"}},
                 {"--carry"});
}

TEST(rate_metrics, a_percentage_of_the_amount) {
    expect_rated(sms("model = \"percentage\"\npercent = \"2.5\""),
                 {{event_line("sms", "199.99"), "cost=4.9998"}, // 4.99975
                  {event_line("sms", "0.4"), "cost=0.01"}});
}

TEST(rate_metrics, minimum_and_maximum_of_a_period) {
    auto const plan = sms("model = \"per_unit\"\nprice = \"1\"\nminimum = \"5\"\nmaximum = \"8\"");
    expect_rated(plan,
                 {{event_line("sms", "0"), "cost=0"},
                  {event_line("sms", "1"), "cost=5"},
                  {event_line("sms", "5"), "cost=1"},
                  {event_line("sms", "50"), "cost=2"},
                  {event_line("sms", "50"), "cost=0"}},
                 {"--carry"});
}

TEST(rate_metrics, each_period_has_its_own) {
    auto const plan = sms("included = \"2\"\nmodel = \"per_unit\"\nprice = \"1\"");
    expect_rated(plan,
                 {{event_line("sms", "3", "2026-03-01T00:00:00Z"), "cost=1"},
                  {event_line("sms", "2", "2026-02-28T23:59:59Z"), "cost=0"},
                  {event_line("sms", "1", "2026-03-31T23:59:59Z"), "cost=1"},
                  {event_line("sms", "1", "2026-02-01T00:00:00Z"), "cost=1 period_quantity=3"}},
                 {"--carry"});
}

TEST(rate_metrics, costs_add_up_whatever_was_rounded) {
    auto const plan = sms("model = \"per_unit\"\nprice = \"0.00005\"");
    expect_rated(plan,
                 {{event_line("sms", "1"), "cost=0.0001"},
                  {event_line("sms", "1"), "cost=0"},
                  {event_line("sms", "1"), "cost=0.0001 period_cost=0.0002"}},
                 {"--carry"});
}

TEST(rate_metrics, aggregations) {
    auto const plan = plan_text(
        "", metric("calls", "aggregation = \"count\"\nmodel = \"per_unit\"\nprice = \"1\"") +
                metric("seats", "aggregation = \"max\"\nmodel = \"per_unit\"\nprice = \"1\"") +
                metric("users", "aggregation = \"unique\"\nunique_property = \"user_id\"\n"
                                "model = \"per_unit\"\nprice = \"1\"") +
                metric("disk", "aggregation = \"latest\"\nmodel = \"per_unit\"\n"
                               "price = \"1\""));
    expect_rated(
        plan,
        {{R"({"metric":"calls","at":"2026-03-10T12:00:00Z"})", "cost=1"},
         {event_line("calls", "500"), "cost=1 period_quantity=2"},
         {event_line("seats", "3"), "cost=3"},
         {event_line("seats", "2"), "cost=0"},
         {event_line("seats", "4"), "cost=1"},
         {event_line("users", "1", noon, ",\"user_id\":\"ann\""), "cost=1"},
         {event_line("users", "1", noon, ",\"properties\":{\"user_id\":\"ann\"}"), "cost=0"},
         {event_line("users", "1", noon, ",\"user_id\":7"), "cost=1 period_quantity=2"},
         {event_line("users", "1", "2026-04-01T00:00:00Z", ",\"user_id\":\"ann\""), "cost=1"},
         {event_line("users", "1"), "error=missing_field field=user_id"},
         {event_line("disk", "7"), "cost=7"},
         {event_line("disk", "5", "2026-03-10T11:59:59Z"), "cost=0"},
         {event_line("disk", "2", "2026-03-10T12:00:01Z"), "cost=-5"}},
        {"--carry"});
}

TEST(rate_metrics, what_cannot_be_rated) {
    auto const plan = sms("model = \"per_unit\"\nprice = \"9000000000\"\n"
                          "effective_from = \"2026-01-01\"");
    expect_rated(plan, {{event_line("fax", "1"), "error=no_rate field=metric"},
                        {event_line("sms", "1", "2025-12-31T23:59:59Z"), "error=no_rate"},
                        {event_line("sms", "2"), "error=amount_overflow"},
                        {event_line("sms", "1e18"), "error=amount_overflow"},
                        {event_line("sms", "1e19"), "error=bad_number field=quantity"},
                        {event_line("sms", ""), "error=missing_field field=quantity"},
                        {event_line("sms", "1"), "cost=9000000000"}});
}

} // namespace
} // namespace tally
