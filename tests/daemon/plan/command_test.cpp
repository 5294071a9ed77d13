#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

// tallyd plan with the real binary, and its effect on a running daemon.

namespace tally {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::query_one;

std::string const binary = TALLY_BINARY;

constexpr auto starter = R"([plan]
code = "starter"
monthly_price = "349.00"
[[band]]
name = "peak"
days = ["mon"]
from = "08:00"
[[rate]]
prefix = "44"
name = "United Kingdom"
band = "peak"
steps = [ { price = "0.2", increment_s = 6 } ]
[[deck]]
file = "deck.csv"
[[metric]]
name = "sms"
price = "0.10"
)";

constexpr auto deck = "prefix,name,price,increments\n33,France,0.5,60/6\n,Anywhere,1,1/1\n";

class plan_command : public ::testing::Test {
  protected:
    plan_command() {
        std::string folder =
            (std::filesystem::temp_directory_path() / "tallyd-plan-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
    }
    ~plan_command() override { std::filesystem::remove_all(folder_); }

    std::string file(std::string const& name, std::string const& content) const {
        auto const path = folder_ / name;
        std::ofstream{path, std::ios::binary} << content;
        return path.string();
    }
    tests::command_result plan(std::vector<std::string> words) const {
        words.insert(words.begin(), "plan");
        return tests::run_tallyd(binary, words, environment_);
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_{{"TALLYD_DATABASE_URL", connection_}};
    std::filesystem::path folder_;
};

TEST_F(plan_command, applies_compares_exports_and_lists) {
    auto const path = file("starter.toml", starter);
    file("deck.csv", deck);
    auto const before = plan({"diff", path});
    EXPECT_EQ(before.exit_code, 1) << before.out;
    EXPECT_THAT(before.out, AllOf(HasSubstr("plan starter: new"), HasSubstr("band peak: new"),
                                  HasSubstr("0.5 per 60 s, 60/6")));
    auto const dry = plan({"apply", path, "--dry-run"});
    EXPECT_EQ(dry.exit_code, 0);
    EXPECT_THAT(dry.out, HasSubstr("dry run: nothing was changed"));
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM billing.rate_plans"), "0");

    EXPECT_THAT(plan({"apply", path}).out, HasSubstr("applied"));
    auto const again = plan({"apply", path});
    EXPECT_EQ(again.out, "plan starter: nothing to change\n");
    EXPECT_EQ(plan({"diff", path}).exit_code, 0);

    auto const exported = plan({"export", "starter"});
    EXPECT_THAT(exported.out, StartsWith("[plan]\ncode = \"starter\"\n"));
    EXPECT_EQ(plan({"diff", file("exported.toml", exported.out)}).out,
              "plan starter: nothing to change\n");
    EXPECT_THAT(plan({"list"}).out, HasSubstr("starter  starter      349  INR           3"));
    EXPECT_THAT(plan({"list", "--json"}).out,
                HasSubstr(R"("code":"starter","name":"starter","currency":"INR",)"
                          R"("monthly_price":"349","rates":3,"metrics":1)"));
}

TEST_F(plan_command, says_what_changes_in_words_and_as_json) {
    auto const path = file("starter.toml", starter);
    file("deck.csv", deck);
    plan({"apply", path});
    file("deck.csv", "prefix,name,price,increments\n33,France,0.6,60/6\n,Anywhere,1,1/1\n");
    auto const words = plan({"diff", path});
    EXPECT_THAT(words.out, AllOf(HasSubstr("plan starter: changed"), HasSubstr("ends    rate  33"),
                                 HasSubstr("new     rate  33")));
    auto const json = plan({"diff", path, "--json"});
    EXPECT_EQ(json.exit_code, 1);
    EXPECT_THAT(json.out, AllOf(HasSubstr(R"("plan":"starter","new":false,"changed":true)"),
                                HasSubstr(R"({"change":"new","what":"rate","prefix":"33")")));
}

TEST_F(plan_command, names_files_lines_and_columns) {
    auto const path = file("starter.toml", starter);
    file("deck.csv", "prefix,price,increments\n33,zero,60/6\n");
    auto const applied = plan({"apply", path});
    EXPECT_EQ(applied.exit_code, 1);
    EXPECT_THAT(applied.out, HasSubstr("tallyd: deck.csv:2:4: price: \"zero\" is no amount"));
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM billing.rate_plans"), "0");
    auto const diff = plan({"diff", path});
    EXPECT_EQ(diff.exit_code, 2) << "neither equal nor different";
    auto const json = plan({"check", path, "--json"});
    EXPECT_EQ(json.exit_code, 1);
    EXPECT_THAT(json.out, StartsWith(R"({"file":"deck.csv","line":2,"column":4,"what":"price: )"));
    EXPECT_THAT(plan({"check", file("none.toml", "[plan]\n")}).out,
                HasSubstr("none.toml: [plan] needs code"));
    EXPECT_THAT(plan({"check", "/nowhere/plan.toml"}).out,
                HasSubstr("/nowhere/plan.toml: cannot be read"));
    EXPECT_EQ(plan({"check"}).exit_code, 2);
}

TEST_F(plan_command, needs_no_database_to_check) {
    environment_["TALLYD_DATABASE_URL"] = "host=/nowhere dbname=none";
    file("deck.csv", deck);
    auto const checked = plan({"check", file("starter.toml", starter)});
    EXPECT_EQ(checked.exit_code, 0) << checked.out;
    EXPECT_EQ(checked.out, "plan starter: valid, 3 rates, 1 bands, 1 metrics\n");
    EXPECT_EQ(plan({"list"}).exit_code, 1);
}

TEST_F(plan_command, helps_with_a_wrong_code) {
    file("deck.csv", deck);
    plan({"apply", file("starter.toml", starter)});
    auto const wrong = plan({"export", "startre"});
    EXPECT_EQ(wrong.exit_code, 1);
    EXPECT_THAT(wrong.out, HasSubstr("there is no plan 'startre'; did you mean starter?"));
}

TEST_F(plan_command, says_to_migrate_first) {
    environment_["TALLYD_DATABASE_URL"] = tests::private_postgres::shared().empty_database();
    auto const listed = plan({"list"});
    EXPECT_EQ(listed.exit_code, 1);
    EXPECT_THAT(listed.out, HasSubstr("tallyd migrate up"));
}

TEST_F(plan_command, the_plans_of_config_are_what_is_seeded) {
    std::vector<std::string> words{"diff"};
    for (char const* name : {"starter", "professional", "call-center"}) {
        words.push_back(std::string{TALLY_SOURCE_DIR} + "/config/plans/" + name + ".toml");
    }
    tests::run_tallyd(binary, {"seed"}, environment_);
    auto const diff = plan(words);
    EXPECT_EQ(diff.exit_code, 0) << diff.out;
}

/// Version `k` of the test telecom's plan: the price of a minute and the connect fee are both k.
/// Each version begins on another day, so that a call in May is charged by the latest known one.
std::string version(int k) {
    std::string const price = std::to_string(k);
    return "[plan]\ncode = \"basic\"\nname = \"Basic\"\nincluded_minutes = 10\n"
           "[[rate]]\nprefix = \"44\"\neffective_from = \"2026-04-" +
           std::string(k < 10 ? "0" : "") + price + "\"\nconnect_fee = \"" + price +
           "\"\nsteps = [ { price = \"" + price + "\", increment_s = 1 } ]\n";
}

std::string calls(int pusher, int origin, int count) {
    std::string lines;
    for (int i = origin; i < origin + count; ++i) {
        lines += tests::call_json{"p" + std::to_string(pusher) + "-" + std::to_string(i)}
                     .account(1 + i % 5)
                     .line();
    }
    return lines;
}

TEST_F(plan_command, a_running_daemon_charges_each_call_by_one_version) {
    tests::make_telecom(connection_, 5);
    plan({"apply", file("v1.toml", version(1))});
    tests::daemon_process daemon{binary, environment_};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    constexpr int versions = 8;
    std::atomic<bool> is_over = false;
    std::atomic<int> sent = 0;
    {
        std::vector<std::jthread> pushers;
        pushers.reserve(2);
        for (int pusher = 0; pusher < 2; ++pusher) {
            pushers.emplace_back([&, pusher] {
                for (int origin = 0; !is_over; origin += 20) {
                    auto const answer = tests::http_request(
                        daemon.http_port(), "POST", "/v1/cdrs?ack=commit",
                        calls(pusher, origin, 20), {{"Content-Type", "application/x-ndjson"}});
                    EXPECT_EQ(answer.status, 200U) << answer.body;
                    sent += 20;
                }
            });
        }
        auto const newest = [this] {
            return query_one(connection_, "SELECT coalesce(max(trim_scale(connect_fee)), 0)"
                                          " FROM billing.cdrs");
        };
        for (int k = 2; k <= versions; ++k) {
            auto const applied = plan({"apply", file("v.toml", version(k))});
            EXPECT_EQ(applied.exit_code, 0) << applied.out;
            // The daemon reloads by itself; otherwise the test times out.
            while (newest() != std::to_string(k) && !HasFailure()) {
                std::this_thread::sleep_for(std::chrono::milliseconds{20});
            }
        }
        is_over = true;
    }
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM billing.cdrs"), std::to_string(sent));
    EXPECT_EQ(query_one(connection_, "SELECT count(DISTINCT connect_fee) FROM billing.cdrs"),
              std::to_string(versions));
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM billing.cdrs"
                                     " WHERE cost <> 2 * connect_fee"
                                     " OR rate_per_minute <> connect_fee"),
              "0");
}

} // namespace
} // namespace tally
