#include "daemon/quote/rate_lines.hpp"
#include "tests/daemon/quote/rate_fixture.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>

#include <sstream>

// `tallyd rate` as people and scripts use it; the charges are tested in rate_*_test.cpp.

namespace tally {
namespace {

using namespace tests;
using testing::ContainsRegex;
using testing::HasSubstr;

std::string const starter =
    plan_text("timezone = \"Asia/Kolkata\"\nincluded_minutes = 10",
              "[[band]]\nname = \"peak\"\ndays = [\"mon\", \"tue\"]\nfrom = \"08:00\"\n"
              "to = \"19:00\"\nweight = 10\n" +
                  rate_text("44", "0: 0.2/60/60,60: 0.1/60/1",
                            "name = \"United Kingdom\"\ncall_type = \"international\"\n"
                            "connect_fee = \"0.40\"\nband = \"peak\"\nminimum = \"0.65\"\n"
                            "maximum = \"3\"\ngrace_s = 2") +
                  rate_text("91", "0: 0.6/60/60", "allowance = true\nconnect_fee = \"1\"") +
                  "[[metric]]\nname = \"sms\"\nmodel = \"per_unit\"\nincluded = \"100\"\n"
                  "price = \"0.10\"\n");

TEST(rate_lines, each_is_answered_and_a_bad_one_stops_nothing) {
    auto const answers =
        rate_fixture{}.rate(starter, "\xef\xbb\xbf" + call_line("44", "130") + "\r\n\n  \nhello\n" +
                                         std::string{"\x00\xff\n", 3} + call_line("99", "1") +
                                         '\n' + event_line("sms", "101"));
    EXPECT_EQ(answers.exit_code, 1);
    EXPECT_EQ(answers.messages, "");
    ASSERT_EQ(answers.lines.size(), 5U);
    EXPECT_EQ(answers.lines[0],
              R"({"cost":"0.7167","currency":"INR","billed_s":130,"allowance_s":0,)"
              R"("matched_prefix":"44","name":"United Kingdom","call_type":"international",)"
              R"("connect_fee":"0.4","rate_per_minute":"0.2","zero_rated":false,"on_net":false,)"
              R"("steps":[{"band":"peak","from_s":0,"seconds":60,"allowance_s":0,"price":"0.2",)"
              R"("unit_s":60,"increment_s":60,"amount":"0.2"},{"band":"peak","from_s":60,)"
              R"("seconds":70,"allowance_s":0,"price":"0.1","unit_s":60,"increment_s":1,)"
              R"("amount":"0.116666667"}]})");
    EXPECT_EQ(member_of(answers.lines[1], "error"), "not_json");
    EXPECT_EQ(member_of(answers.lines[2], "error"), "not_json");
    EXPECT_EQ(member_of(answers.lines[3], "error"), "no_rate");
    EXPECT_EQ(answers.lines[4],
              R"({"cost":"0.1","currency":"INR","metric":"sms","unit":"",)"
              R"("included_quantity":"100","billable_quantity":"1","period_quantity":"101",)"
              R"("period_included_quantity":"100","period_cost":"0.1"})");
}

TEST(rate_lines, none_are_all_rated) {
    auto const answers = rate_fixture{}.rate(starter, "");
    EXPECT_EQ(answers.exit_code, 0);
    EXPECT_TRUE(answers.lines.empty());
}

TEST(rate_lines, a_question_that_no_band_covers_to_its_end_says_so) {
    auto const answers =
        rate_fixture{}.rate(starter, call_line("44", "130", "2026-03-10T18:59:30") + '\n');
    ASSERT_EQ(answers.lines.size(), 1U);
    EXPECT_EQ(member_of(answers.lines[0], "error"), "no_rate");
    EXPECT_THAT(answers.lines[0],
                HasSubstr("extends into a time for which its prefix has no rate"));
}

std::shared_ptr<rating::tariff const> one_rate_plan() {
    rating::rate any;
    any.steps = {{0, 60, 60, rating::amount{1'000'000'000}}};
    return std::make_shared<rating::tariff const>(rating::tariff::header{}, std::vector{any});
}

TEST(rate_lines, come_in_pieces_of_any_size) {
    std::string const input =
        call_line("44", "60") + "\n\n" + call_line("44", "61") + "\nx\n" + call_line("44", "121");
    std::string expected;
    for (std::size_t size = input.size(); size > 0; --size) {
        rating::quoter key{one_rate_plan()};
        std::ostringstream out;
        daemon::rate_lines lines{key, out};
        for (std::size_t index = 0; index < input.size(); index += size) {
            lines.take(std::string_view{input}.substr(index, size));
        }
        lines.finish();
        EXPECT_EQ(lines.rated(), 3U) << size;
        EXPECT_EQ(lines.failed(), 1U) << size;
        expected = expected.empty() ? out.str() : expected;
        EXPECT_EQ(out.str(), expected) << size;
    }
}

TEST(rate_lines, one_without_an_end_takes_no_memory) {
    rating::quoter key{one_rate_plan()};
    std::ostringstream out;
    daemon::rate_lines lines{key, out};
    std::string const piece(64 * 1024, '{');
    for (int i = 0; i < 100; ++i) {
        lines.take(piece);
    }
    lines.take("\n" + call_line("44", "60") + "\n");
    EXPECT_EQ(lines.failed(), 1U);
    EXPECT_EQ(lines.rated(), 1U);
    EXPECT_THAT(out.str(), testing::StartsWith(R"({"error":"record_too_large",)"));
}

/// The explanation of one call by the starter plan.
std::string words_about(std::vector<std::string> words, int exit_code = 0) {
    auto const seen = rate_fixture{}.rate(starter, "", std::move(words));
    EXPECT_EQ(seen.exit_code, exit_code) << seen.messages;
    return seen.messages;
}

TEST(rate_explain, says_in_words_why_a_call_cost_that) {
    EXPECT_EQ(words_about({"--to", "+44 7911", "--from", "919812345678", "--at",
                           "2026-03-10T12:00:00Z", "--duration", "130"}),
              "Call       outbound to +44 7911 from 919812345678\n"
              "Answered   Tue 2026-03-10 17:30:00 in Asia/Kolkata\n"
              "Plan       test\n"
              "Prefix     44, the longest of the plan's that begins 447911; United Kingdom "
              "(international)\n"
              "Band       peak: mon, tue 08:00-19:00, weight 10: the heaviest that holds when the "
              "call begins\n"
              "Steps      from second 0: 60 s at 0.2 per 60 s, in increments of 60 s = 0.2\n"
              "           from second 60: 70 s at 0.1 per 60 s, in increments of 1 s = "
              "0.116666667\n"
              "Billed     130 s in whole increments; the call had 130 s\n"
              "Fee        0.4 once, for the connection\n"
              "Sum        0.716666667\n"
              "Cost       0.7167 INR, rounded half up to 4 decimals, once\n");
}

TEST(rate_explain, names_bounds_grace_allowance_and_calls_that_cost_nothing) {
    auto const about = [](char const* cursor, char const* seconds) {
        return words_about({"--to", cursor, "--at", "2026-03-10T12:00:00Z", "--duration", seconds});
    };
    EXPECT_THAT(about("44", "60"), HasSubstr("Minimum    0.65 per call"));
    EXPECT_THAT(about("44", "60"), HasSubstr("Cost       0.65 INR"));
    EXPECT_THAT(about("44", "3600"), HasSubstr("Maximum    3 per call"));
    EXPECT_THAT(about("44", "2"), HasSubstr("Cost       0 INR: an answered call of up to 2 s"));
    EXPECT_THAT(about("44", "0"), HasSubstr("Cost       0 INR: the call was not answered"));
    EXPECT_THAT(about("91", "130"),
                HasSubstr("Allowance  180 s drawn, 420 of 600 s left in the billing period\n"
                          "Fee        none: the included minutes cover the whole call\n"));
    EXPECT_THAT(
        about("91", "601"),
        HasSubstr("Steps      from second 0: 600 s from the included minutes, 60 s at 0.6"));
}

TEST(rate_explain, says_why_a_call_cannot_be_rated) {
    auto const words =
        words_about({"--to", "\x1b[2J33", "--at", "2026-03-10T12:00:00Z", "--duration", "60"}, 1);
    EXPECT_THAT(words, HasSubstr("Not rated  no_rate: no outbound rate of the plan"));
    EXPECT_THAT(words, testing::Not(HasSubstr("\x1b")))
        << "control characters must not reach the terminal";
}

TEST(rate_explain, explains_an_event) {
    EXPECT_EQ(words_about({"--metric", "sms", "--quantity", "103", "--at", "2026-03-10T12:00:00Z"}),
              "Event      103 of sms, Tue 2026-03-10 17:30:00 in Asia/Kolkata\n"
              "Plan       test\n"
              "Period     0 before, 103 with it, of which 100 included\n"
              "Billable   3 of this event\n"
              "Cost       0.3 INR: the period costs 0.3 with it, rounded half up to 4 decimals\n");
    EXPECT_THAT(words_about({"--metric", "fax", "--quantity", "1"}, 1), HasSubstr("no_rate"));
}

TEST(rate_explain, gives_scripts_the_same_as_an_object) {
    auto const seen = rate_fixture{}.rate(
        starter, "", {"--to", "44", "--at", "2026-03-10T12:00:00Z", "--duration", "130", "--json"});
    EXPECT_EQ(seen.exit_code, 0);
    ASSERT_EQ(seen.lines.size(), 1U);
    EXPECT_EQ(member_of(seen.lines[0], "cost"), "0.7167");
}

TEST(rate_command, says_what_is_wrong_with_the_command_line) {
    rate_fixture const folder;
    auto const plan = folder.write("plan.toml", starter);
    auto const refused = [&](std::vector<std::string> const& words) {
        auto const seen = folder.run(words, "");
        EXPECT_EQ(seen.exit_code, 2) << seen.messages;
        return seen.messages;
    };
    EXPECT_THAT(refused({}), HasSubstr("--plan-file"));
    EXPECT_THAT(refused({"--plan-file", plan, "--plan", "x"}), HasSubstr("--plan"));
    EXPECT_THAT(refused({"--plan-file", plan, "--to", "44"}), HasSubstr("--duration is needed"));
    EXPECT_THAT(refused({"--plan-file", plan, "--to", "44", "--duration", "x"}),
                HasSubstr("--duration: "));
    EXPECT_THAT(refused({"--plan-file", plan, "--to", "44", "--duration", "1", "--at", "noon"}),
                HasSubstr("--at: "));
    EXPECT_THAT(refused({"--plan-file", plan, "--carry", "--anchor", "2026-02-30"}),
                HasSubstr("not a date: 2026-02-30"));
    EXPECT_THAT(refused({"--plan-file", plan, "--anchor", "2026-02-01"}), HasSubstr("--carry"));
}

TEST(rate_command, says_what_is_wrong_with_a_plan_file) {
    rate_fixture const folder;
    auto const missing = folder.run({"--plan-file", "/nonexistent/plan.toml"}, "");
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_EQ(missing.messages, "tallyd: /nonexistent/plan.toml: cannot be read\n");
    auto const plan = folder.write("bad.toml", "[plan]\ncode = \"x\"\nnam = \"y\"\n[[rate]]\n");
    auto const bad = folder.run({"--plan-file", plan}, call_line("44", "1"));
    EXPECT_EQ(bad.exit_code, 1);
    EXPECT_TRUE(bad.lines.empty());
    EXPECT_THAT(bad.messages, ContainsRegex("tallyd: .*bad\\.toml:3:1: .*nam"));
    EXPECT_THAT(bad.messages, ContainsRegex("tallyd: .*bad\\.toml:4:")) << "every problem";
}

TEST(rate_command, reads_decks_beside_the_plan) {
    rate_fixture const folder;
    folder.write("deck.csv", "prefix,price,increments\n44,0.6,60/6\n");
    auto const plan = folder.write("plan.toml", plan_text("", "[[deck]]\nfile = \"deck.csv\"\n"));
    auto const seen = folder.run({"--plan-file", plan}, call_line("44", "61"));
    ASSERT_EQ(seen.lines.size(), 1U) << seen.messages;
    EXPECT_EQ(member_of(seen.lines[0], "cost"), "0.66");
}

TEST(rate_command, rates_by_a_plan_of_the_database) {
    auto const connection = private_postgres::shared().migrated_database();
    make_telecom(connection, 1);
    std::map<std::string, std::string> const environment{{"TALLYD_DATABASE_URL", connection}};
    auto const run = [&](std::string const& code, std::string const& out) {
        return run_tallyd(TALLY_BINARY,
                          {"rate", "--plan", code, "--to", out, "--at", "2026-03-10T12:00:00Z",
                           "--duration", "61", "--json"},
                          environment);
    };
    auto const seen = run("basic", "+442071838750");
    EXPECT_EQ(seen.exit_code, 0) << seen.out;
    EXPECT_EQ(member_of(seen.out, "cost"), "1.82"); // 0.50 + 66 s at 1.20
    EXPECT_EQ(member_of(seen.out, "matched_prefix"), "44");
    EXPECT_EQ(member_of(run("basic", "91").out, "allowance_s"), "61");
    auto const unknown = run("basics", "44");
    EXPECT_EQ(unknown.exit_code, 1);
    EXPECT_THAT(unknown.out, HasSubstr("there is no plan 'basics'; did you mean 'basic'?"));
    EXPECT_THAT(unknown.out, HasSubstr("the catalog's plans: basic"));
}

TEST(rate_command, knows_our_own_numbers_from_the_database) {
    auto const connection = private_postgres::shared().migrated_database();
    make_telecom(connection, 1);
    execute(connection, "WITH own AS (INSERT INTO billing.rates (rate_plan_id, prefix, is_on_net)"
                        " SELECT id, '', true FROM billing.rate_plans RETURNING id)"
                        " INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s,"
                        " increment_s) SELECT id, 0, 0.06, 60, 60 FROM own");
    std::map<std::string, std::string> const environment{{"TALLYD_DATABASE_URL", connection}};
    auto const seen = run_tallyd(TALLY_BINARY,
                                 {"rate", "--plan", "basic", "--to", did_of(1), "--at",
                                  "2026-03-10T12:00:00Z", "--duration", "60"},
                                 environment);
    EXPECT_EQ(seen.exit_code, 0) << seen.out;
    EXPECT_THAT(seen.out, HasSubstr(", one of our own numbers\n"));
    EXPECT_THAT(seen.out, HasSubstr("Cost       0.06 INR"));
}

} // namespace
} // namespace tally
