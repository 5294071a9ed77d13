#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

// tallyd import with the real binary and a real database.

namespace tally {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::four_sums;
using tests::query_one;

std::string call(int number, int account, int seconds) {
    return tests::call_json{number}
        .account(account)
        .lasting(1'777'888'800 + number, seconds)
        .line();
}

std::string calls(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += call(i, 1 + i % 5, 60);
    }
    return text;
}

class import_command : public ::testing::Test {
  protected:
    import_command() {
        connection_ = tests::private_postgres::shared().migrated_database();
        tests::make_telecom(connection_, 5);
        environment_["TALLYD_DATABASE_URL"] = connection_;
        std::string name =
            (std::filesystem::temp_directory_path() / "tallyd-import-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~import_command() override { std::filesystem::remove_all(folder_); }

    std::string file(std::string const& name, std::string const& text) const {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        return folder_ / name;
    }
    tests::command_result run(std::vector<std::string> words) const {
        return tests::run_tallyd(TALLY_BINARY, words, environment_);
    }
    tests::command_result import(std::vector<std::string> words) const {
        words.insert(words.begin(), {"import", "--format", "canonical"});
        return run(std::move(words));
    }
    /// Starts an import and sends SIGKILL after a while. False: it had already ended.
    bool import_and_kill(std::string const& path, std::chrono::milliseconds after) const {
        pid_t const child = ::fork();
        if (child == 0) {
            ::setenv("TALLYD_DATABASE_URL", connection_.c_str(), 1);
            int const nowhere = ::open("/dev/null", O_RDWR);
            ::dup2(nowhere, STDOUT_FILENO);
            ::dup2(nowhere, STDERR_FILENO);
            ::execl(TALLY_BINARY, TALLY_BINARY, "import", path.c_str(), "--format", "canonical",
                    nullptr);
            ::_exit(127);
        }
        std::this_thread::sleep_for(after);
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFSIGNALED(status);
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }

    std::string connection_;
    std::map<std::string, std::string> environment_;
    std::filesystem::path folder_;
};

TEST_F(import_command, stores_a_file_once_and_says_so_the_second_time) {
    auto const path =
        file("calls", calls(100) + call(7, 3, 60) + "{\"uuid\":\n" + call(900, 77, 60));
    auto const first = import({path});
    EXPECT_EQ(first.exit_code, 0) << first.out;
    EXPECT_THAT(first.out, HasSubstr("103 = 103 accepted + 0 rejected + 0 skipped"));
    EXPECT_THAT(first.out, HasSubstr("103 = 100 committed + 1 duplicate + 2 suspended"));
    EXPECT_THAT(first.out, HasSubstr("cost        INR 170\n"));
    EXPECT_THAT(first.out, HasSubstr("not_json 1"));
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "100");
    EXPECT_THAT(four_sums(connection_), Each("170.000000000"));

    auto const again = import({path});
    EXPECT_EQ(again.exit_code, 0);
    EXPECT_THAT(again.out, HasSubstr("already imported"));
    std::filesystem::rename(path, folder_ / "renamed");
    EXPECT_THAT(import({folder_ / "renamed"}).out, HasSubstr("already imported"));

    auto const forced = import({folder_ / "renamed", "--force", "--json"});
    EXPECT_EQ(forced.exit_code, 0);
    EXPECT_THAT(forced.out, HasSubstr(R"("committed":0,"duplicate":101,"suspended":2)"));
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "2");
    EXPECT_THAT(four_sums(connection_), Each("170.000000000"));
    EXPECT_EQ(one("SELECT concat_ws(' ', state, received, committed, duplicate, suspended, "
                  "rejected, runs) FROM ingest.imports"),
              "done 103 100 1 2 0 2");
    EXPECT_THAT(run({"import", "list"}).out, HasSubstr("canonical  local"));
}

TEST_F(import_command, goes_on_after_kill_9_until_every_record_is_there_once) {
    int const count = 20'000;
    auto const path = file("calls", calls(count));
    auto const seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    for (int round = 0; round < 8; ++round) {
        auto const ms = 20 + static_cast<int>(random() % 400);
        if (!import_and_kill(path, std::chrono::milliseconds{ms})) {
            break;
        }
    }
    auto const last = import({path});
    EXPECT_EQ(last.exit_code, 0) << last.out;
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), std::to_string(count));
    EXPECT_THAT(four_sums(connection_), Each("34000.000000000"));
    EXPECT_EQ(one("SELECT concat_ws(' ', state, received, committed, duplicate) "
                  "FROM ingest.imports"),
              "done 20000 20000 0");
}

TEST_F(import_command, writes_rejects_with_reasons_and_keeps_them_out_of_suspense) {
    auto const path = file("calls", call(1, 1, 60) + "{\"uuid\":1}\n" + call(2, 1, 60) + "x\xff\n");
    auto const rejects = (folder_ / "rejects.ndjson").string();
    auto const done = import({path, "--rejects", rejects});
    EXPECT_EQ(done.exit_code, 0) << done.out;
    EXPECT_THAT(done.out, HasSubstr("4 = 2 accepted + 2 rejected + 0 skipped"));
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
    std::ostringstream text;
    text << std::ifstream{rejects}.rdbuf();
    EXPECT_THAT(text.str(), HasSubstr(R"("record":1,"line":2,)"));
    EXPECT_THAT(text.str(), HasSubstr(R"("record":3,"line":4,)"));
    EXPECT_THAT(text.str(), HasSubstr(R"("raw_base64":"eP8)"));
}

TEST_F(import_command, dry_run_says_what_it_would_cost_and_writes_nothing) {
    auto const path = file("calls", calls(50) + call(7, 3, 60) + call(900, 77, 60));
    auto const dry = import({path, "--dry-run"});
    EXPECT_EQ(dry.exit_code, 0) << dry.out;
    EXPECT_THAT(dry.out, HasSubstr("52 = 50 to be committed + 1 duplicate + 1 suspended"));
    EXPECT_THAT(dry.out, HasSubstr("INR 85\n"));
    EXPECT_THAT(dry.out, HasSubstr("unknown_account 1"));
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "0");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.imports"), "0");

    import({path});
    EXPECT_THAT(import({path, "--dry-run"}).out,
                HasSubstr("52 = 0 to be committed + 51 duplicate + 1 suspended"));
}

TEST_F(import_command, delivers_a_truncated_archive_and_fails) {
    auto const path = (folder_ / "calls.gz").string();
    auto const text = calls(2000);
    gzFile const out = ::gzopen(path.c_str(), "wb1");
    ASSERT_EQ(::gzwrite(out, text.data(), static_cast<unsigned>(text.size())),
              static_cast<int>(text.size()));
    ::gzclose(out);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);

    auto const torn = import({path});
    EXPECT_EQ(torn.exit_code, 1);
    EXPECT_THAT(torn.out, HasSubstr("the compressed data ends too early"));
    auto const stored = std::stoi(one("SELECT count(*) FROM cdrs"));
    EXPECT_GT(stored, 100);
    EXPECT_LT(stored, 2000);
    EXPECT_EQ(one("SELECT state FROM ingest.imports"), "failed");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"),
              "0"); // the cut record does not count as a bad one
}

TEST_F(import_command, names_what_is_wrong_with_the_command) {
    auto const path = file("calls", calls(1));
    auto const unknown = import({path, "--source", "nobody"});
    EXPECT_EQ(unknown.exit_code, 1);
    EXPECT_THAT(unknown.out, HasSubstr("tallyd source add nobody"));
    EXPECT_EQ(import({folder_ / "missing"}).exit_code, 1);
    EXPECT_THAT(import({folder_ / "missing"}).out, HasSubstr("No such file or directory"));
    EXPECT_EQ(run({"import", path}).exit_code, 2);
    EXPECT_EQ(run({"import", "--format", "canonical"}).exit_code, 2);
    EXPECT_EQ(run({"import", path, "--format", "morse"}).exit_code, 2);

    auto const wrong = run({"import", path, "--format", "asterisk"});
    EXPECT_EQ(wrong.exit_code, 1);
    EXPECT_THAT(wrong.out, HasSubstr("no record could be read as asterisk"));
}

TEST_F(import_command, reads_several_files_also_behind_a_bad_one) {
    auto const done =
        import({file("a", calls(10)), folder_ / "missing", file("b", call(99, 1, 60))});
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "11");
}

TEST_F(import_command, does_not_resume_with_another_number_of_lanes_and_still_stores_once) {
    auto const path = file("calls", calls(20'000));
    import_and_kill(path, std::chrono::milliseconds{250});
    environment_["TALLYD_LANES"] = "3";
    EXPECT_EQ(import({path}).exit_code, 0);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "20000");
    EXPECT_THAT(four_sums(connection_), Each("34000.000000000"));
}

} // namespace
} // namespace tally
