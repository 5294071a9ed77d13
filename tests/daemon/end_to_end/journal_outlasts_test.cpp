#include "ingest/journal/disk.hpp"
#include "ingest/journal/segment.hpp"
#include "ingest/journal/writer.hpp"
#include "storage/postgres/sql_session.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

// Records wait in the journal while the settings of their source or the binary change.

namespace tally {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using tests::call_json;
using tests::daemon_process;
using tests::query_one;

char const* const binary = TALLY_BINARY;

call_json canonical_call(int number) {
    return call_json{number}.with("end_time", "2026-05-04T10:01:02Z").with("duration", 62);
}

std::string canonical(int number) {
    return canonical_call(number).line();
}

/// A call with some 600 bytes.
std::string large_canonical(int number) {
    return canonical_call(number)
        .with_json("metadata", tests::json_object{}.with("pad", std::string(400, 'x')).text())
        .line();
}

/// The record of the b-leg.
std::string b_leg(int number) {
    tests::json_object variables;
    variables.with("uuid", "f0000000-0000-4000-8000-00000000000" + std::to_string(number));
    variables.with("originating_leg_uuid", "f0000000-0000-4000-8000-0000000000ff");
    variables.with("direction", "outbound").with("accountcode", "ACC-2");
    variables.with("start_uepoch", "1777888800000000");
    variables.with("answer_uepoch", "1777888801000000").with("end_uepoch", "1777888862000000");
    variables.with("duration", "62").with("billsec", "61");
    return tests::json_object{}
        .with_json("variables", variables.text())
        .with_json("callflow", R"([{"caller_profile":{"caller_id_number":"1001",)"
                               R"("destination_number":"4420"}}])")
        .text();
}

class journal_outlasts : public testing::Test {
  protected:
    journal_outlasts() {
        std::string folder = (fs::temp_directory_path() / "tallyd-outlasts-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
        journal_ = folder_ / "journal";
        fs::create_directory(journal_);
        environment_["TALLYD_JOURNAL_DIR"] = journal_.string();
        environment_["TALLYD_JOURNAL_RETAIN_S"] = "0";
        connection_ = tests::private_postgres::shared().migrated_database();
        environment_["TALLYD_DATABASE_URL"] = connection_;
        tests::make_telecom(connection_, 5);
    }
    ~journal_outlasts() override { fs::remove_all(folder_); }

    std::unique_ptr<daemon_process> start() const {
        auto daemon = std::make_unique<daemon_process>(binary, environment_);
        EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
        return daemon;
    }
    /// Pushes to a daemon, which acknowledges and is killed before it stores anything.
    void leave_behind(std::string const& target, std::string const& body) const {
        auto const daemon = start();
        storage::sql_session held{connection_, "test"};
        held.execute("BEGIN; LOCK billing.subscription_usage IN EXCLUSIVE MODE");
        ASSERT_EQ(tests::http_request(daemon->http_port(), "POST", target, body,
                                      {{"Content-Type", "application/json"}})
                          .status /
                      100,
                  2U);
        daemon->send(SIGKILL);
        daemon->wait();
    }
    /// Runs a daemon until it has drained the journal.
    void run_once() const {
        auto const daemon = start();
        daemon->send(SIGTERM);
        EXPECT_EQ(daemon->wait(), 0);
        EXPECT_THAT(daemon->log(), HasSubstr("event=drained complete=yes"));
    }
    void set_local(std::string const& change) const {
        tests::execute(connection_,
                       "UPDATE ingest.sources SET " + change + " WHERE name = 'local'");
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }

    fs::path folder_;
    fs::path journal_;
    std::string connection_;
    std::map<std::string, std::string> environment_;
};

TEST_F(journal_outlasts, a_lower_limit_drops_no_record_that_was_taken) {
    set_local("record_bytes_max = 400");
    leave_behind("/v1/cdrs", canonical(1) + canonical(2) + large_canonical(3));
    set_local("record_bytes_max = 100");
    run_once();
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense"), "0") << "it was reported to its sender";
}

TEST_F(journal_outlasts, a_higher_limit_takes_no_record_that_was_refused) {
    set_local("record_bytes_max = 400");
    leave_behind("/v1/cdrs", canonical(1) + canonical(2) + large_canonical(3));
    set_local("record_bytes_max = 100000");
    run_once();
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense"), "0");
}

TEST_F(journal_outlasts, leaving_b_legs_out_from_now_on_drops_none_that_was_taken) {
    leave_behind("/v1/cdrs/freeswitch", b_leg(1));
    set_local("b_legs = 'skip'");
    run_once();
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "1");
}

TEST_F(journal_outlasts, taking_b_legs_from_now_on_takes_none_that_was_left_out) {
    set_local("b_legs = 'skip'");
    auto a_leg = b_leg(1);
    a_leg.replace(a_leg.find("originating_leg_uuid"), 20, "bridge_uuid");
    leave_behind("/v1/cdrs/freeswitch", "[" + a_leg + "," + b_leg(2) + "]");
    set_local("b_legs = 'accept'");
    run_once();
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "1");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense"), "0");
}

TEST_F(journal_outlasts, an_older_binary_does_not_start_on_what_a_newer_one_left) {
    ingest::segment_head head;
    head.stream = ingest::uuid_v7();
    head.version = ingest::journal_version + 1;
    auto const file = journal_ / ingest::segment_file_name(head.stream, 0);
    std::ofstream{file, std::ios::binary} << ingest::encode(head) << "in another layout, perhaps";
    for (std::vector<std::string> const& words :
         {std::vector<std::string>{"run"}, {"run", "--skip-journal-damage"}}) {
        auto const refused = tests::run_tallyd(binary, words, environment_);
        EXPECT_EQ(refused.exit_code, 1);
        EXPECT_THAT(refused.out, HasSubstr(file.string() + " is of version 4 and this tallyd reads "
                                                           "versions up to 3: run the newer"));
    }
    EXPECT_TRUE(fs::exists(file));
}

TEST_F(journal_outlasts, a_push_of_a_newer_version_stays_where_it_is) {
    {
        ingest::journal_writer writer{{journal_, ingest::uuid_v7()}, ingest::real_disk()};
        writer.append(std::string(1, static_cast<char>(ingest::journal_version + 1)) + "?", 1, 0);
        EXPECT_EQ(writer.flush().error, 0);
    }
    daemon_process const daemon{binary, environment_};
    std::string const message = "a push of version 4 in the journal, written by a newer tallyd";
    for (int tries = 0; tries < 400 && daemon.log().find(message) == std::string::npos; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    EXPECT_THAT(daemon.log(), HasSubstr(message));
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense"), "0");
    auto const is_segment = [](fs::directory_entry const& each) {
        return each.path().extension() == ".journal";
    };
    EXPECT_EQ(std::count_if(fs::directory_iterator{journal_}, {}, is_segment), 1);
}

} // namespace
} // namespace tally
