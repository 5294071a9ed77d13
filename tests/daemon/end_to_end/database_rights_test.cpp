#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

// A database that answers but refuses the daemon's writes: pushes are accepted, the operator is
// warned, and everything is stored once the rights are granted.

namespace tally {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::execute;
using tests::query_one;

std::string call(int number) {
    return tests::call_json{number}.text();
}

/// Polls until the response contains `text`. Returns the last response.
template <typename Ask>
std::string wait_for(Ask&& ask, std::string const& text) {
    std::string answer = ask();
    for (int tries = 0; tries < 400 && answer.find(text) == std::string::npos; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        answer = ask();
    }
    return answer;
}

TEST(database_rights, that_were_revoked_are_told_and_lose_nothing) {
    auto const database = tests::private_postgres::shared().migrated_database();
    tests::make_telecom(database, 1);
    execute(database, "DROP ROLE IF EXISTS writer_of_calls");
    execute(database,
            "CREATE ROLE writer_of_calls IN ROLE " + query_one(database, "SELECT current_user"));
    tests::daemon_process daemon{
        TALLY_BINARY, {{"TALLYD_DATABASE_URL", database + " options='-c role=writer_of_calls'"}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    auto const push = [&](int number, std::string const& target) {
        return tests::http_request(daemon.http_port(), "POST", target, call(number)).status;
    };
    auto const ask = [&](std::string const& path) {
        return tests::http_request(daemon.admin_port(), "GET", path).body;
    };
    ASSERT_EQ(push(1, "/v1/cdrs?ack=commit"), 200U);

    execute(database,
            "REVOKE " + query_one(database, "SELECT current_user") + " FROM writer_of_calls");
    EXPECT_EQ(push(2, "/v1/cdrs"), 202U);
    auto const status = wait_for([&] { return ask("/status"); }, R"("up":false)");
    EXPECT_THAT(status, AllOf(HasSubstr(R"("up":false)"), HasSubstr("permission denied")));
    // The warning stays, although other connections of the daemon succeed.
    std::this_thread::sleep_for(std::chrono::milliseconds{600});
    EXPECT_THAT(ask("/status"), HasSubstr("permission denied"));
    EXPECT_THAT(ask("/metrics"), AllOf(HasSubstr("tally_database_up 0"),
                                       HasSubstr(R"(tally_retries_total{reason="permanent"})")));
    EXPECT_THAT(daemon.log(), HasSubstr("kind=permanent sqlstate=42501"));
    EXPECT_THAT(ask("/status"),
                ::testing::ContainsRegex(R"("part":"lane [0-9]+","state":"refused_by_database")"))
        << "it is no outage, and the lane stands still";
    EXPECT_EQ(push(3, "/v1/cdrs"), 202U);

    execute(database,
            "GRANT " + query_one(database, "SELECT current_user") + " TO writer_of_calls");
    auto const stored = [&] { return query_one(database, "SELECT count(*) FROM billing.cdrs"); };
    EXPECT_EQ(wait_for(stored, "3"), "3") << daemon.log();
    EXPECT_THAT(wait_for([&] { return ask("/status"); }, R"("up":true)"),
                HasSubstr(R"("up":true)"));
}

} // namespace
} // namespace tally
