#include "tests/daemon/end_to_end/journal_end_to_end.hpp"

#include "daemon/journal/feeder.hpp"
#include "ingest/journal/segment.hpp"
#include "ingest/journal/writer.hpp"

#include <algorithm>
#include <csignal>
#include <gmock/gmock.h>

// tallyd journal, against a journal whose first segment is gone while the database never had it.

namespace tally {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class journal_command : public tests::journal_end_to_end {
  protected:
    journal_command() { fs::create_directories(folder_ / "journal"); }

    /// A stream of an earlier run with records [0, 4), 2 in each of its segments.
    void write_stream() {
        constexpr std::size_t payload_bytes = 60'000;
        ingest::journal_writer writer{{folder_ / "journal", stream_, std::uint64_t{64} << 10},
                                      ingest::real_disk()};
        for (int i = 0; i < 2; ++i) {
            writer.append(std::string(payload_bytes, '\x01'), 2, 0);
            ASSERT_EQ(writer.flush().error, 0);
        }
        ASSERT_EQ(segments().size(), 2U);
    }
    fs::path first_segment() const {
        return folder_ / "journal" / ingest::segment_file_name(stream_, 0);
    }
    tests::command_result tallyd(std::vector<std::string> words) const {
        words.insert(words.begin(), "journal");
        return tests::run_tallyd(TALLY_BINARY, words, environment_);
    }
    std::string position() const {
        return tests::query_one(connection_,
                                "SELECT coalesce(max(position), 0) FROM ingest.positions");
    }

    ingest::uuid stream_ = ingest::uuid_v7();
    std::string name_ = daemon::journal_feeder::stream_name(stream_);
};

TEST_F(journal_command, lists_streams_and_takes_no_lock) {
    EXPECT_THAT(tallyd({"list"}).out, HasSubstr("holds no stream"));
    write_stream();
    auto const listed = tallyd({"list", "--json"});
    EXPECT_EQ(listed.exit_code, 0);
    EXPECT_THAT(listed.out, HasSubstr("{\"stream\":\"" + name_ + "\",\"segments\":2,"));
    EXPECT_THAT(listed.out,
                HasSubstr("\"first_record\":0,\"end_record\":4,\"position\":0,\"gap\":null}"));
    EXPECT_THAT(tallyd({"list"}).out, AllOf(HasSubstr(name_), HasSubstr("4 to be stored")));
    EXPECT_FALSE(fs::exists(folder_ / "journal" / "journal.lock"));
}

TEST_F(journal_command, lists_without_a_database) {
    write_stream();
    environment_["TALLYD_DATABASE_URL"] = "host=/nonexistent dbname=none";
    auto const listed = tallyd({"list", "--json"});
    EXPECT_EQ(listed.exit_code, 0);
    EXPECT_THAT(listed.out, AllOf(HasSubstr("\"end_record\":4,\"position\":null,\"gap\":null}"),
                                  HasSubstr("the positions are not known")));
}

TEST_F(journal_command, settles_a_gap_and_nothing_else) {
    write_stream();
    EXPECT_THAT(tallyd({"settle", name_, "--yes"}).out, HasSubstr("no record of"));
    fs::remove(first_segment());
    EXPECT_THAT(tallyd({"list"}).out, HasSubstr("MISSING: 0 to 1"));
    EXPECT_THAT(tallyd({"list", "--json"}).out,
                HasSubstr("\"gap\":{\"first_record\":0,\"end_record\":2}}"));

    auto const unconfirmed = tallyd({"settle", name_});
    EXPECT_EQ(unconfirmed.exit_code, 1);
    EXPECT_THAT(unconfirmed.out, HasSubstr("pass --yes"));
    EXPECT_EQ(position(), "0");
    EXPECT_EQ(tallyd({"settle", "journal:other", "--yes"}).exit_code, 1);

    auto const settled = tallyd({"settle", ingest::to_string(stream_), "--yes"});
    EXPECT_EQ(settled.exit_code, 0) << settled.out;
    EXPECT_EQ(position(), "2");
    EXPECT_THAT(tallyd({"list"}).out,
                AllOf(HasSubstr("2 to be stored"), Not(HasSubstr("MISSING"))));
    EXPECT_EQ(tallyd({"settle", name_, "--yes"}).exit_code, 1);
}

TEST_F(journal_command, settles_all_gaps) {
    write_stream();
    EXPECT_THAT(tallyd({"settle", "--all"}).out, HasSubstr("no record of the journal is missing"));
    fs::remove(first_segment());
    EXPECT_EQ(tallyd({"settle"}).exit_code, 2) << "a stream or --all";
    EXPECT_EQ(tallyd({"settle", "--all"}).exit_code, 1) << "not confirmed";
    EXPECT_EQ(position(), "0");

    auto const settled = tallyd({"settle", "--all", "--yes"});
    EXPECT_EQ(settled.exit_code, 0) << settled.out;
    EXPECT_THAT(settled.out, HasSubstr("records 0 to 1 of " + name_ + " are given up"));
    EXPECT_EQ(position(), "2");
    EXPECT_EQ(tallyd({"settle", "--all"}).exit_code, 0) << "nothing is left to settle";
}

TEST_F(journal_command, a_daemon_with_a_gap_is_not_ready_until_it_is_settled) {
    environment_["TALLYD_JOURNAL_MAX_BYTES"] = "1048576"; // segments of 128 KiB
    {
        auto const daemon = start();
        blockade const held{connection_};
        for (int i = 0; i < 4; ++i) {
            ASSERT_EQ(push(*daemon, tests::calls(i * 300, i * 300 + 300)), 202U);
        }
        daemon->send(SIGKILL);
        daemon->wait();
    }
    auto files = segments();
    std::ranges::sort(files);
    ASSERT_GE(files.size(), 2U);
    fs::remove(files.front());

    tests::daemon_process daemon{TALLY_BINARY, environment_};
    auto const answer = [&daemon](std::string const& path) {
        return tests::http_request(daemon.admin_port(), "GET", path).body;
    };
    auto const becomes = [&answer](std::string const& path, std::string const& text) {
        for (int i = 0; i < 1000 && answer(path).find(text) == std::string::npos; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        return answer(path);
    };
    EXPECT_THAT(becomes("/readyz", "journal_records_missing"),
                HasSubstr(R"({"ready":false,"reasons":["journal_records_missing"]})"));
    EXPECT_THAT(answer("/status"), HasSubstr(R"("missing":[{"stream":"journal:)"));
    EXPECT_THAT(becomes("/metrics", "tally_journal_missing_records 300"),
                HasSubstr("tally_journal_missing_records 300"));
    EXPECT_EQ(wait_stored("900"), "900") << "what is left is stored";

    // The whole line of the stream begins with its name.
    auto const listed = tallyd({"list"}).out;
    auto const begin = listed.find("journal:");
    ASSERT_NE(begin, std::string::npos) << listed;
    auto const stream = listed.substr(begin, listed.find(' ', begin) - begin);
    EXPECT_EQ(tallyd({"settle", stream, "--yes"}).exit_code, 0);
    EXPECT_THAT(becomes("/readyz", "\"ready\":true"), HasSubstr("\"ready\":true")) << daemon.log();
    EXPECT_THAT(becomes("/metrics", "tally_journal_missing_records 0"),
                HasSubstr("tally_journal_missing_records 0"));
    daemon.send(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_EQ(stored(), "900");
}

} // namespace
} // namespace tally
