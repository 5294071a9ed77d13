#include "storage/postgres/sql_session.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

// tallyd rerate and tallyd cdr with the real binary, beside a real daemon; some are killed midway.

namespace tally {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using tests::command_result;
using tests::execute;
using tests::query_one;

std::string call(int number, std::string const& account, std::string const& destination,
                 int seconds, int minute = 0) {
    return tests::call_json{number}
        .with("account_number", account)
        .with("destination", destination)
        .lasting(1'777'888'800 + 60 * minute, seconds)
        .line();
}

class rerate_command : public ::testing::Test {
  protected:
    rerate_command() {
        tests::make_telecom(connection_, 3);
        environment_["TALLYD_DATABASE_URL"] = connection_;
        auto name = (std::filesystem::temp_directory_path() / "tallyd-rerate-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~rerate_command() override { std::filesystem::remove_all(folder_); }

    command_result run(std::vector<std::string> const& words) const {
        return tests::run_tallyd(TALLY_BINARY, words, environment_);
    }
    void import(std::string const& text) const {
        auto const path = folder_ / ("calls-" + std::to_string(files_++));
        std::ofstream{path} << text;
        auto const done = run({"import", path, "--format", "canonical"});
        ASSERT_EQ(done.exit_code, 0) << done.out;
    }
    void set_price(std::string const& price) const {
        execute(connection_, "UPDATE billing.rate_steps SET price = " + price +
                                 " WHERE rate_id = '00000000-0000-7000-8000-000000000d01'");
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    void expect_sums(std::string const& sum) const {
        EXPECT_THAT(tests::four_sums(connection_), Each(sum));
    }
    void expect_equal_sums() const { expect_sums(tests::four_sums(connection_).front()); }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_;
    std::filesystem::path folder_;
    mutable int files_ = 0;
};

TEST_F(rerate_command, shows_first_then_writes_then_finds_nothing) {
    import(call(1, "ACC-1", "1212", 60) + call(2, "ACC-1", "4420", 60));
    set_price("0.9");
    auto const tried = run({"rerate", "--plan", "basic", "--dry-run"});
    EXPECT_EQ(tried.exit_code, 0) << tried.out;
    EXPECT_THAT(tried.out, AllOf(HasSubstr("0.6       0.9"), HasSubstr("dry run, nothing written"),
                                 HasSubstr("2 = 1 to change + 1 unchanged + 0 excluded"),
                                 HasSubstr("0.6 -> 0.9 (+0.3)")));
    expect_sums("2.300000000");
    auto const done = run({"rerate", "--subscription", "SUB-1", "--reason", "dearer", "--json"});
    EXPECT_EQ(done.exit_code, 0) << done.out;
    EXPECT_THAT(done.out,
                AllOf(HasSubstr(R"("state":"done")"), HasSubstr(R"("changed":1,"unchanged":1)"),
                      HasSubstr(R"("old_cost":"0.6","new_cost":"0.9","difference":"0.3")")));
    expect_sums("2.600000000");
    EXPECT_EQ(one("SELECT reason || ' ' || (adjusted_by <> '') FROM billing.cdr_adjustments"),
              "dearer true");
    EXPECT_THAT(run({"rerate", "--account", "ACC-1"}).out,
                HasSubstr("2 = 0 changed + 2 unchanged"));
}

TEST_F(rerate_command, refuses_what_it_cannot_do) {
    EXPECT_EQ(run({"rerate"}).exit_code, 2);
    EXPECT_EQ(run({"rerate", "--plan", "basic", "--account", "ACC-1"}).exit_code, 2);
    auto const bad_day = run({"rerate", "--plan", "basic", "--from", "2026-02-30"});
    EXPECT_EQ(bad_day.exit_code, 2);
    EXPECT_THAT(bad_day.out, HasSubstr("neither a date"));
    EXPECT_EQ(run({"rerate", "--suspense", "--from", "2026-02-03"}).exit_code, 2);
    auto const nobody = run({"rerate", "--subscription", "nobody"});
    EXPECT_EQ(nobody.exit_code, 1);
    EXPECT_THAT(nobody.out, HasSubstr("there is no subscription nobody"));
    EXPECT_EQ(run({"cdr", "void", "--account", "ACC-1", "--uuid", "x"}).exit_code,
              2); // no --reason
    EXPECT_EQ(run({"cdr", "void", "--account", "ACC-1", "--uuid", "x", "--reason", ""}).exit_code,
              2);
    EXPECT_EQ(run({"cdr", "void", "--account", "ACC-1", "--uuid", "x", "--reason", "y"}).exit_code,
              1);
    EXPECT_EQ(run({"cdr", "void", "--account", "ACC-1", "--uuid", "x", "--reason", "y", "--start",
                   "yesterday"})
                  .exit_code,
              2);
}

TEST_F(rerate_command, lists_what_nothing_rates_any_more) {
    import(call(1, "ACC-1", "1212", 60));
    execute(connection_, "DELETE FROM billing.rates WHERE prefix = '' AND direction = 'outbound'");
    auto const done = run({"rerate", "--account", "ACC-1"});
    EXPECT_EQ(done.exit_code, 0);
    EXPECT_THAT(done.out, AllOf(HasSubstr("1 without a rate"), HasSubstr("1212         no_rate")));
    expect_sums("0.600000000");
}

TEST_F(rerate_command, a_call_is_voided_disputed_and_restored_by_its_switchs_id) {
    import(call(1, "ACC-1", "1212", 60));
    auto const cdr = [&](std::string const& text) {
        return run({"cdr", text, "--account", "ACC-1", "--uuid",
                    "D0000000-0000-4000-8000-000000000001", "--start", "2026-05-04T10:00:00Z",
                    "--reason", "a complaint"});
    };
    EXPECT_THAT(cdr("void").out, HasSubstr("rated -> void (INR 0.600000000)"));
    expect_sums("0.000000000");
    EXPECT_THAT(cdr("void").out, HasSubstr("already void"));
    EXPECT_THAT(cdr("restore").out, HasSubstr("void -> rated"));
    expect_sums("0.600000000");
    EXPECT_THAT(cdr("dispute").out, HasSubstr("rated -> disputed"));
    set_price("0.9");
    EXPECT_THAT(run({"rerate", "--account", "ACC-1"}).out, HasSubstr("1 excluded"));
    expect_sums("0.600000000");
}

/// A tallyd that runs beside the test. The destructor kills it.
class child {
  public:
    child(std::map<std::string, std::string> const& environment,
          std::vector<std::string> const& words) {
        std::vector<char*> arguments{const_cast<char*>(TALLY_BINARY)};
        for (auto const& word : words) {
            arguments.push_back(const_cast<char*>(word.c_str()));
        }
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            for (auto const& [name, value] : environment) {
                ::setenv(name.c_str(), value.c_str(), 1);
            }
            int const nowhere = ::open("/dev/null", O_RDWR);
            ::dup2(nowhere, STDOUT_FILENO);
            ::dup2(nowhere, STDERR_FILENO);
            ::execv(TALLY_BINARY, arguments.data());
            ::_exit(127);
        }
    }
    ~child() { kill(); }
    child(child const&) = delete;
    child& operator=(child const&) = delete;

    /// True if the process was still running.
    bool kill() {
        if (pid_ < 0) {
            return false;
        }
        ::kill(pid_, SIGKILL);
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFSIGNALED(status);
    }

  private:
    pid_t pid_ = -1;
};

// The second page waits for a row that the test holds, so the kill always hits the middle.
TEST_F(rerate_command, killed_in_the_middle_it_goes_on_from_there) {
    auto const first = one("SELECT right(subscription_number, 1) FROM billing.subscriptions "
                           "ORDER BY id LIMIT 1");
    auto const last = one("SELECT right(subscription_number, 1) FROM billing.subscriptions "
                          "ORDER BY id DESC LIMIT 1");
    std::string text;
    for (int i = 0; i < 6'000; ++i) {
        text += call(i, "ACC-" + first, "1212", 60, i % 1000);
    }
    import(text + call(7'000, "ACC-" + last, "1212", 60));
    set_price("0.9");
    {
        storage::sql_session other{connection_, "test"};
        storage::sql_transaction const hold{other};
        other.execute(
            "SELECT FROM billing.subscription_usage AS u JOIN billing.subscriptions AS s ON "
            "s.id = u.subscription_id WHERE subscription_number = 'SUB-" +
            last + "' FOR UPDATE OF u");
        child killed{environment_, {"rerate", "--plan", "basic"}};
        auto const deadline = std::chrono::steady_clock::now() + std::chrono::minutes{2};
        while (one("SELECT coalesce(max(calls_seen), 0) FROM billing.rerate_runs") != "5000") {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline);
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        EXPECT_TRUE(killed.kill());
    }
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs WHERE cost = 0.9"), "5000");
    expect_equal_sums();
    auto const again = run({"rerate", "--plan", "basic", "--json"});
    EXPECT_EQ(again.exit_code, 0) << again.out;
    EXPECT_THAT(again.out, AllOf(HasSubstr(R"("runs":2)"), HasSubstr(R"("calls":6001)"),
                                 HasSubstr(R"("changed":6001)")));
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdr_adjustments"), "6001");
    expect_sums("5400.900000000");
    EXPECT_THAT(run({"rerate", "--plan", "basic", "--json"}).out, HasSubstr(R"("changed":0)"));
}

TEST_F(rerate_command, beside_a_daemon_that_bills_the_same_subscriptions_nothing_is_lost) {
    tests::daemon_process daemon{TALLY_BINARY, environment_};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    std::atomic<bool> enough{false};
    std::atomic<int> pushed{0};
    std::atomic<int> refused{0};
    {
        std::jthread const pushing{[&] {
            for (int i = 0; !enough; i += 3) {
                auto const answer = tests::http_request(
                    daemon.http_port(), "POST", "/v1/cdrs?ack=commit",
                    call(i, "ACC-1", "9198", 30, i % 700) + call(i + 1, "ACC-2", "1212", 60) +
                        call(i + 2, "ACC-3", "4420", 61),
                    {{"Content-Type", "application/x-ndjson"}});
                (answer.status == 200 ? pushed : refused) += 3;
            }
        }};
        for (int round = 1; round <= 5; ++round) {
            set_price("0." + std::to_string(round));
            auto const done = run({"rerate", "--plan", "basic"});
            EXPECT_EQ(done.exit_code, 0) << done.out;
        }
        while (pushed < 60 && refused == 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        enough = true;
    }
    EXPECT_EQ(refused, 0) << daemon.log();
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), std::to_string(pushed));
    expect_equal_sums();
    EXPECT_EQ(run({"rerate", "--plan", "basic"}).exit_code, 0);
    expect_equal_sums();
    EXPECT_THAT(run({"rerate", "--plan", "basic", "--json"}).out, HasSubstr(R"("changed":0)"));
}

TEST_F(rerate_command, suspense_is_tried_again_and_resolved_with_what_is_stored) {
    import(call(1, "ACC-9", "1212", 60) + call(2, "ACC-8", "1212", 60));
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'waiting'"), "2");
    EXPECT_THAT(run({"rerate", "--suspense"}).out, HasSubstr("waiting   unknown_account 2"));
    execute(connection_, "UPDATE billing.accounts SET account_number = 'ACC-9' WHERE "
                         "account_number = 'ACC-3'");
    EXPECT_THAT(
        run({"rerate", "--suspense", "--dry-run"}).out,
        AllOf(HasSubstr("dry run"), HasSubstr("2 records = 1 to be stored + 0 already stored")));
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "0");
    auto const done = run({"rerate", "--suspense", "--json"});
    EXPECT_EQ(done.exit_code, 0);
    EXPECT_THAT(done.out, HasSubstr(R"("tried":2,"stored":1,"duplicate":0,)"
                                    R"("still_waiting":{"unknown_account":1})"));
    expect_sums("0.600000000");
    EXPECT_EQ(one("SELECT string_agg(state || ' ' || attempts || ' ' || (resolved_at IS NOT NULL), "
                  "', ' ORDER BY state) FROM ingest.suspense"),
              "waiting 3 false, resolved 3 true");
    EXPECT_THAT(run({"rerate", "--suspense", "--json"}).out, HasSubstr(R"("tried":1,"stored":0)"));
    expect_sums("0.600000000");
}

// As if the daemon had been killed between two transactions: the call is stored, its row waits.
TEST_F(rerate_command, suspense_of_a_call_that_is_stored_is_resolved_and_counts_once) {
    import(call(1, "ACC-9", "1212", 60));
    execute(connection_, "UPDATE billing.accounts SET account_number = 'ACC-9' WHERE "
                         "account_number = 'ACC-3'");
    EXPECT_EQ(run({"rerate", "--suspense"}).exit_code, 0);
    execute(connection_, "UPDATE ingest.suspense SET state = 'waiting', resolved_at = NULL");
    EXPECT_THAT(run({"rerate", "--suspense", "--json"}).out,
                HasSubstr(R"("tried":1,"stored":0,"duplicate":1)"));
    EXPECT_EQ(one("SELECT state FROM ingest.suspense"), "resolved");
    expect_sums("0.600000000");
}

} // namespace
} // namespace tally
