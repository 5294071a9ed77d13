#include "storage/embedded/binaries.hpp"
#include "storage/embedded/cluster.hpp"
#include "storage/embedded/postgres.hpp"
#include "storage/postgres/sql_session.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tally::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::private_postgres;

std::string one_value(std::string const& connection_string, std::string const& sql) {
    return sql_session{connection_string, "test"}.query_value(sql).value_or("NULL");
}

/// A folder that the server's user can enter; removed at the end of the test.
class embedded_postgres_test : public testing::Test {
  protected:
    embedded_postgres_test() {
        std::string name = "/tmp/tallyd-test-XXXXXX";
        folder_ = mkdtemp(name.data());
        chmod(folder_.c_str(), 0711);
    }
    ~embedded_postgres_test() override { fs::remove_all(folder_); }

    embedded_options options(bool may_attach = false) const {
        embedded_options chosen;
        chosen.data_dir = folder_ / "data";
        chosen.bin_dir = tests::postgres_bin_dir();
        chosen.memory_bytes = 32 << 20;
        chosen.sync_new_cluster = false;
        chosen.may_attach = may_attach;
        return chosen;
    }

    /// The message with which start() fails; empty if it succeeds.
    static std::string refusal(embedded_options const& chosen) {
        try {
            embedded_postgres{chosen}.start();
        } catch (std::runtime_error const& error) {
            return error.what();
        }
        return {};
    }

    void put(fs::path const& file, std::string const& text) const {
        fs::create_directories((folder_ / file).parent_path());
        std::ofstream{folder_ / file} << text;
    }

    fs::path folder_;
};

TEST(embedded_postgres, keeps_durability_on_and_the_network_off) {
    std::string const database = private_postgres::shared().empty_database();
    EXPECT_EQ(one_value(database, "SHOW fsync"), "on");
    EXPECT_EQ(one_value(database, "SHOW synchronous_commit"), "on");
    EXPECT_EQ(one_value(database, "SHOW full_page_writes"), "on");
    EXPECT_EQ(one_value(database, "SHOW data_checksums"), "on");
    EXPECT_EQ(one_value(database, "SHOW listen_addresses"), "");
    EXPECT_EQ(one_value(database, "SHOW server_encoding"), "UTF8");
    EXPECT_EQ(one_value(database, "SELECT datcollate FROM pg_database WHERE datname = "
                                  "current_database()"),
              "C");
    EXPECT_EQ(one_value(database, "SHOW unix_socket_permissions"), "0700");
}

TEST(private_postgres, is_the_server_that_the_environment_names) {
    auto const expected = find_postgres(tests::postgres_bin_dir(), std::nullopt).major;
    EXPECT_EQ(one_value(private_postgres::shared().empty_database(),
                        "SELECT current_setting('server_version_num')::integer / 10000"),
              std::to_string(expected));
}

TEST(private_postgres, clones_the_migrated_database_with_its_search_path) {
    std::string const database = private_postgres::shared().migrated_database();
    EXPECT_EQ(one_value(database, "SELECT count(*) FROM rate_plans"), "0");
    EXPECT_EQ(one_value(database, "SELECT count(*) FROM sources"), "1");
}

TEST(private_postgres, keeps_committed_rows_over_a_crash) {
    auto& server = private_postgres::shared();
    std::string const database = server.empty_database();
    sql_session{database, "test"}.execute("CREATE TABLE kept AS SELECT 42 AS answer");
    server.crash_and_restart();
    EXPECT_EQ(one_value(database, "SELECT answer FROM kept"), "42");
    server.stop();
    server.start();
    EXPECT_EQ(one_value(database, "SELECT answer FROM kept"), "42");
}

TEST_F(embedded_postgres_test, refuses_a_folder_with_other_things) {
    put("data/letter.txt", "dear all");
    EXPECT_THAT(refusal(options()), HasSubstr("is not empty and holds no PostgreSQL cluster"));
    EXPECT_TRUE(fs::exists(folder_ / "data/letter.txt"));
    EXPECT_FALSE(fs::exists(folder_ / "data/tallyd.lock")) << "nothing may be left in it";
}

TEST_F(embedded_postgres_test, refuses_a_cluster_that_it_did_not_make) {
    put("data/PG_VERSION", "15\n");
    EXPECT_THAT(refusal(options()), HasSubstr("that tallyd did not make"));
}

TEST_F(embedded_postgres_test, refuses_a_cluster_of_a_version_that_is_not_installed) {
    put("data/PG_VERSION", "9\n");
    put("data/tallyd.conf", "");
    EXPECT_THAT(refusal(options()), HasSubstr("was made by PostgreSQL 9"));
}

TEST_F(embedded_postgres_test, refuses_binaries_that_are_not_there) {
    auto chosen = options();
    chosen.bin_dir = "/nowhere";
    EXPECT_THAT(refusal(chosen), HasSubstr("postgres_bin_dir is /nowhere"));
}

TEST_F(embedded_postgres_test, never_runs_as_root) {
    embedded_postgres server{options()};
    server.start();
    struct stat info {};
    ASSERT_EQ(stat(("/proc/" + std::to_string(server.server_pid())).c_str(), &info), 0);
    EXPECT_NE(info.st_uid, 0U);
    ASSERT_EQ(stat((folder_ / "data").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(embedded_postgres_test, belongs_to_one_tallyd_and_lets_others_attach) {
    embedded_postgres owner{options()};
    owner.start();
    EXPECT_THAT(refusal(options()), HasSubstr("belongs to another running tallyd (pid " +
                                              std::to_string(getpid()) + ")"));
    embedded_postgres guest{options(true)};
    guest.start();
    EXPECT_TRUE(guest.is_attached());
    EXPECT_EQ(guest.connection_string(), owner.connection_string());
    EXPECT_EQ(one_value(guest.connection_string(), "SELECT current_database()"), "tallyd");
    guest.stop();
    EXPECT_EQ(one_value(owner.connection_string(), "SELECT 1"), "1") << "a guest stops nothing";
}

TEST_F(embedded_postgres_test, stays_up_for_guests_when_it_is_told_to) {
    auto chosen = options();
    std::atomic<bool> has_waited = false;
    chosen.waits_for_guests = [&] { has_waited = true; };
    embedded_postgres owner{chosen};
    owner.start();
    auto guest = std::make_unique<embedded_postgres>(options(true));
    guest->start();
    std::jthread leave{[&] {
        while (!has_waited) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        EXPECT_EQ(one_value(guest->connection_string(), "SELECT 1"), "1");
        guest.reset();
    }};
    owner.stop();
    leave.join();
    EXPECT_TRUE(has_waited);
}

TEST_F(embedded_postgres_test, is_taken_over_by_one_who_wanted_to_attach) {
    auto owner = std::make_unique<embedded_postgres>(options());
    owner->start();
    std::jthread leave{[&] { owner.reset(); }};
    embedded_postgres next{options(true)};
    next.start(); // while the other stops, or just before
    leave.join();
    if (!next.is_attached()) {
        EXPECT_EQ(one_value(next.connection_string(), "SELECT 1"), "1");
    }
}

TEST_F(embedded_postgres_test, begins_again_after_an_interrupted_initdb) {
    put("data/tallyd-initdb/PG_VERSION", "15\n");
    put("data/base/1/112", "half");
    embedded_postgres server{options()};
    server.start();
    EXPECT_EQ(one_value(server.connection_string(), "SELECT 1"), "1");
    EXPECT_FALSE(fs::exists(folder_ / "data/tallyd-initdb"));
}

TEST_F(embedded_postgres_test, puts_the_socket_elsewhere_when_the_path_is_too_long_or_odd) {
    auto chosen = options();
    chosen.data_dir = folder_ / std::string(90, 'd') / "it's, a \"data\" dir\\";
    std::string connection_string;
    {
        embedded_postgres server{chosen};
        server.start();
        connection_string = server.connection_string();
        EXPECT_EQ(one_value(connection_string, "SELECT 1"), "1");
    }
    EXPECT_THAT(connection_string, testing::Not(HasSubstr("dddd")));
    fs::path const socket = connection_string.substr(6, connection_string.find('\'', 6) - 6);
    EXPECT_FALSE(fs::exists(socket)) << "the socket's folder goes with the server";
}

TEST_F(embedded_postgres_test, notices_a_dead_server_and_starts_it_again) {
    embedded_postgres server{options()};
    server.start();
    std::string const database = server.connection_string();
    sql_session{database, "test"}.execute("CREATE TABLE kept AS SELECT 42 AS answer");
    EXPECT_EQ(server.supervise(), server_state::running);
    sql_session const old_session{database, "keeps a process of the old server alive"};
    kill(server.server_pid(), SIGKILL);
    auto seen = server_state::running;
    for (int tries = 0; tries < 2000 && seen == server_state::running; ++tries) {
        seen = server.supervise();
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    EXPECT_EQ(seen, server_state::restarted);
    EXPECT_EQ(one_value(database, "SELECT answer FROM kept"), "42");
}

TEST_F(embedded_postgres_test, is_not_stopped_by_a_pid_file_that_names_another_process) {
    {
        embedded_postgres server{options()};
        server.start();
        fs::copy_file(folder_ / "data/postmaster.pid", folder_ / "kept.pid");
    }
    std::ifstream input{folder_ / "kept.pid"};
    std::string line;
    std::getline(input, line);
    std::stringstream rest;
    rest << input.rdbuf();
    // As after a reboot: another process of the server's user has the old pid.
    put("data/postmaster.pid", std::to_string(getppid()) + "\n" + rest.str());
    embedded_postgres server{options()};
    server.start();
    EXPECT_EQ(one_value(server.connection_string(), "SELECT 1"), "1");
}

TEST_F(embedded_postgres_test, goes_with_a_killed_owner_and_keeps_what_was_committed) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    pid_t const owner = fork();
    if (owner == 0) {
        embedded_postgres server{options()};
        server.start();
        sql_session{server.connection_string(), "test"}.execute(
            "CREATE TABLE kept AS SELECT 42 AS answer");
        pid_t const pid = server.server_pid();
        (void)!write(ends[1], &pid, sizeof pid);
        pause();
        _exit(1);
    }
    pid_t server_pid = 0;
    ASSERT_EQ(read(ends[0], &server_pid, sizeof server_pid),
              static_cast<ssize_t>(sizeof server_pid));
    kill(owner, SIGKILL);
    waitpid(owner, nullptr, 0);
    close(ends[0]);
    close(ends[1]);

    embedded_postgres next{options()};
    next.start(); // at once: the old server may still be stopping
    EXPECT_FALSE(next.is_attached());
    EXPECT_NE(next.server_pid(), server_pid);
    EXPECT_FALSE(is_server_of(server_pid, folder_ / "data"));
    EXPECT_EQ(one_value(next.connection_string(), "SELECT answer FROM kept"), "42");
}

TEST_F(embedded_postgres_test, lets_the_operators_settings_win) {
    {
        embedded_postgres server{options()};
        server.start();
        EXPECT_EQ(one_value(server.connection_string(), "SHOW work_mem"), "4MB");
    }
    put("data/custom.conf", "work_mem = '7MB'\nlisten_addresses = '*'\n");
    chmod((folder_ / "data/custom.conf").c_str(), 0644);
    embedded_postgres server{options()};
    server.start();
    EXPECT_EQ(one_value(server.connection_string(), "SHOW work_mem"), "7MB");
    EXPECT_EQ(one_value(server.connection_string(), "SHOW listen_addresses"), "")
        << "no file opens the server to the network";
}

TEST_F(embedded_postgres_test, shows_the_servers_own_words_when_it_does_not_start) {
    {
        embedded_postgres server{options()};
        server.start();
    }
    put("data/custom.conf", "no_such_setting = 1\n");
    chmod((folder_ / "data/custom.conf").c_str(), 0644);
    std::string const words = refusal(options());
    EXPECT_THAT(words, HasSubstr("no_such_setting"));
    EXPECT_THAT(words, HasSubstr("data/postgres.log"));
}

} // namespace
} // namespace tally::storage
