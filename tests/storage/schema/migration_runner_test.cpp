#include "storage/schema/migration_lock.hpp"
#include "tests/storage/schema/migration_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tally::storage {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(migration_runner_test, goes_up_down_and_up_again_to_the_same_catalog) {
    auto const files = embedded_migrations();
    std::vector<std::string> seen{fingerprint()};
    for (migration const& each : files) {
        runner(files).up(each.version);
        seen.push_back(fingerprint());
        EXPECT_NE(seen[seen.size() - 2], seen.back()) << each.label();
        runner(files).redo();
        EXPECT_EQ(fingerprint(), seen.back()) << each.label();
    }
    constexpr auto recorded =
        "SELECT string_agg(fingerprint, ',' ORDER BY version) FROM public.tallyd_migrations";
    std::string const recorded_first = value(recorded);
    for (std::size_t left = files.size(); left > 0; --left) {
        runner(files).down();
        EXPECT_EQ(fingerprint(), seen[left - 1]) << files[left - 1].label();
    }
    runner(files).up();
    EXPECT_EQ(fingerprint(), seen.back());
    EXPECT_EQ(value(recorded), recorded_first);
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

TEST_F(migration_runner_test, applies_each_once_when_eight_run_at_once) {
    auto const files = embedded_migrations();
    std::atomic<int> failures = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            try {
                runner(files).up();
            } catch (std::exception const&) {
                ++failures;
            }
        });
    }
    for (std::jthread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(events_, static_cast<int>(files.size()));
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

TEST_F(migration_runner_test, leaves_nothing_of_a_file_that_fails) {
    auto files = two_files();
    files[1] = file(2, "dogs", "CREATE TABLE public.dogs (name text);\nSELECT 1/0;\n");
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::rolled_back);
    EXPECT_THAT(text_, HasSubstr("0002 dogs failed and was rolled back"));
    EXPECT_THAT(text_, HasSubstr("division by zero"));
    EXPECT_TRUE(has("public.cats"));
    EXPECT_FALSE(has("public.dogs"));
    EXPECT_EQ(value("SELECT count(*) FROM public.tallyd_migrations"), "1");
    runner(two_files()).up(); // the corrected file
    EXPECT_EQ(runner(two_files()).verify().code(), migrate_exit::done);
}

TEST_F(migration_runner_test, sees_a_file_that_ends_its_transaction) {
    auto const files = std::vector{file(1, "cats", "CREATE TABLE public.cats (); COMMIT; BEGIN")};
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::partly_applied);
    EXPECT_THAT(text_, HasSubstr("ends the transaction"));
}

TEST_F(migration_runner_test, refuses_edited_missing_and_out_of_order_files_and_names_them) {
    auto files = two_files();
    files.push_back(file(4, "fish", "CREATE TABLE public.fish ()", "DROP TABLE public.fish"));
    runner(files).up();
    files[0].up = script("CREATE TABLE public.cats (name text, age integer)");
    files[1] = file(3, "birds", "CREATE TABLE public.birds ()");
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::changed);
    EXPECT_THAT(text_, HasSubstr("0001 cats: the .up.sql file was edited"));
    EXPECT_THAT(text_, HasSubstr("0002 dogs: applied, but its files are missing"));
    EXPECT_THAT(text_, HasSubstr("0003 birds: not applied, though 4 is"));
    EXPECT_EQ(exit_of([&] { runner(files).down(); }), migrate_exit::changed);
    EXPECT_EQ(exit_of([&] { runner(files).redo(); }), migrate_exit::changed);
    EXPECT_EQ(exit_of([&] { runner(files).plan(); }), migrate_exit::changed);
    EXPECT_FALSE(has("public.birds"));
    EXPECT_TRUE(has("public.fish"));
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::changed);
}

TEST_F(migration_runner_test, sees_an_edited_down_file_and_a_new_name) {
    auto files = two_files();
    runner(files).up();
    files[0].down = script("SELECT 2");
    files[1].name = "wolves";
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::changed);
    EXPECT_THAT(text_, HasSubstr("0001 cats: the .down.sql file was edited"));
    EXPECT_THAT(text_, HasSubstr("applied under the name dogs"));
}

TEST_F(migration_runner_test, refuses_a_database_that_is_newer) {
    runner(two_files()).up();
    auto files = two_files();
    files.pop_back();
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::changed);
    EXPECT_THAT(text_, HasSubstr("the database is newer than this tallyd"));
    EXPECT_EQ(exit_of([&] { runner(files).down(); }), migrate_exit::changed);
}

TEST_F(migration_runner_test, stops_where_it_is_told) {
    auto const files = two_files();
    runner(files).up(1);
    EXPECT_TRUE(has("public.cats"));
    EXPECT_FALSE(has("public.dogs"));
    EXPECT_EQ(runner(files).status()[1].state, migration_state::pending);
    runner(files).up();
    runner(files).up();
    EXPECT_EQ(events_, 2) << "nothing is applied twice";
    runner(files).down(1);
    EXPECT_FALSE(has("public.dogs"));
    EXPECT_TRUE(has("public.cats"));
    runner(files).down(0);
    EXPECT_FALSE(has("public.cats"));
    runner(files).down();
    EXPECT_EQ(events_, 4);
    EXPECT_EQ(exit_of([&] { runner(files).up(7); }), migrate_exit::failed);
    EXPECT_THAT(text_, HasSubstr("there is no migration 7"));
    EXPECT_EQ(exit_of([&] { runner(files).redo(); }), migrate_exit::failed);
}

TEST_F(migration_runner_test, plans_without_changing_anything) {
    std::vector<std::string> added;
    auto files = two_files();
    files.push_back(
        file(3, "index", "-- tallyd: no-transaction\nCREATE INDEX CONCURRENTLY ON cats (name)"));
    std::vector<migration_action> actions;
    migration_runner planner{database_, files, {}, [&](migration_event const& event) {
                                 actions.push_back(event.action);
                                 for (auto const& change : event.changes) {
                                     added.push_back(change.key.second);
                                 }
                             }};
    planner.plan();
    EXPECT_THAT(added, testing::IsSupersetOf({"public.cats", "public.dogs", "public.cats.name"}));
    EXPECT_THAT(actions, testing::ElementsAre(migration_action::tried, migration_action::tried,
                                              migration_action::skipped));
    EXPECT_FALSE(has("public.cats"));
    EXPECT_FALSE(has("public.tallyd_migrations"));
    EXPECT_EQ(fingerprint(), catalog_fingerprint({}));
}

// -- files that cannot run in a transaction --

std::vector<migration> concurrent_files(std::string const& second_statement) {
    auto files = two_files();
    files.push_back(
        file(3, "cats_index",
             "-- tallyd: no-transaction\n"
             "DROP INDEX IF EXISTS public.cats_name;\n"
             "CREATE INDEX CONCURRENTLY cats_name ON public.cats (name);\n" +
                 second_statement,
             "-- tallyd: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS public.cats_name"));
    return files;
}

TEST_F(migration_runner_test, sends_statements_one_by_one_when_a_file_forbids_a_transaction) {
    auto const files = concurrent_files("");
    runner(files).up();
    EXPECT_TRUE(has("public.cats_name"));
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
    runner(files).redo();
    runner(files).down();
    EXPECT_FALSE(has("public.cats_name"));
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

TEST_F(migration_runner_test, says_partly_applied_and_completes_the_corrected_file) {
    auto const broken = concurrent_files("SELECT 1/0");
    EXPECT_EQ(exit_of([&] { runner(broken).up(); }), migrate_exit::partly_applied);
    EXPECT_TRUE(has("public.cats_name"));
    EXPECT_EQ(runner(broken).status()[2].state, migration_state::running);
    EXPECT_EQ(runner(broken).verify().code(), migrate_exit::changed)
        << "the index is there already";
    auto const sanitized = concurrent_files("SELECT 1");
    runner(sanitized).up();
    EXPECT_EQ(runner(sanitized).status()[2].state, migration_state::applied);
    EXPECT_EQ(runner(sanitized).verify().code(), migrate_exit::done);
}

TEST_F(migration_runner_test, does_not_go_up_over_a_half_reverted_one) {
    auto files = concurrent_files("");
    files[2].down = script("-- tallyd: no-transaction\nDROP INDEX public.cats_name; SELECT 1/0");
    runner(files).up();
    EXPECT_EQ(exit_of([&] { runner(files).down(); }), migrate_exit::partly_applied);
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::partly_applied);
    EXPECT_THAT(text_, HasSubstr("run tallyd migrate down"));
    files[2].down = script("-- tallyd: no-transaction\nDROP INDEX IF EXISTS public.cats_name");
    runner(files).down();
    runner(files).up();
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

// -- killed --

/// Starts `up` in a process of its own, kills it when `sql` is true, and waits until the server has
/// noticed.
void kill_during_up(std::string const& database, std::vector<migration> const& files,
                    std::string const& sql) {
    pid_t const child = fork();
    if (child == 0) {
        try {
            migration_runner{database, files}.up();
        } catch (...) {
        }
        _exit(0);
    }
    sql_session watch{database, "test"};
    for (int tries = 0; tries < 2000 && watch.query_value(sql) != "t"; ++tries) {
        std::this_thread::sleep_for(5ms);
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed";
    // The server notices a lost client when it next sends to it: the sleeping statement continues.
    watch.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "application_name = 'tallyd migrate' AND datname = current_database()");
}

constexpr auto is_sleeping =
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
    "AND application_name = 'tallyd migrate' AND datname = current_database()";

TEST_F(migration_runner_test, completes_what_a_killed_one_left) {
    auto slow = two_files();
    slow[1] = file(2, "dogs", "CREATE TABLE public.dogs (name text); SELECT pg_sleep(30)");
    kill_during_up(database_, slow, is_sleeping);
    EXPECT_TRUE(has("public.cats"));
    EXPECT_FALSE(has("public.dogs"));
    runner(two_files()).up();
    EXPECT_EQ(runner(two_files()).verify().code(), migrate_exit::done);
}

TEST_F(migration_runner_test, completes_a_no_transaction_file_that_was_killed) {
    kill_during_up(database_, concurrent_files("SELECT pg_sleep(30)"), is_sleeping);
    EXPECT_EQ(value("SELECT state FROM public.tallyd_migrations WHERE version = 3"), "running");
    auto const files = concurrent_files("SELECT 1");
    runner(files).up();
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
    EXPECT_EQ(
        value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.cats_name'::regclass"),
        "t");
}

// -- locks --

TEST_F(migration_runner_test, says_who_holds_the_lock) {
    migration_lock const other{database_, 0ms};
    options_.lock_wait_max = 100ms;
    EXPECT_EQ(exit_of([&] { runner(two_files()).up(); }), migrate_exit::lock_busy);
    EXPECT_THAT(text_, HasSubstr("tallyd migrate lock"));
    EXPECT_THAT(text_, HasSubstr("pid "));
    EXPECT_FALSE(has("public.cats"));
}

TEST_F(migration_runner_test, waits_for_the_lock) {
    auto other = std::make_unique<migration_lock>(database_, 0ms);
    std::jthread release{[&] {
        std::this_thread::sleep_for(300ms);
        other.reset();
    }};
    runner(two_files()).up();
    release.join();
    EXPECT_TRUE(has("public.dogs"));
}

TEST_F(migration_runner_test, tries_again_when_a_table_is_locked) {
    runner(two_files()).up(1);
    auto files = two_files();
    files[1] = file(2, "age", "ALTER TABLE public.cats ADD COLUMN age integer");
    options_.table_lock_time_max = 50ms;
    sql_session other{database_, "test"};
    other.execute("BEGIN; LOCK TABLE public.cats");
    options_.tries_max = 2;
    EXPECT_EQ(exit_of([&] { runner(files).up(); }), migrate_exit::lock_busy);
    EXPECT_THAT(text_, HasSubstr("2 tries"));
    options_.tries_max = 100;
    std::jthread release{[&] {
        std::this_thread::sleep_for(400ms);
        other.execute("ROLLBACK");
    }};
    runner(files).up();
    release.join();
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

// -- the daemon's check --

TEST_F(migration_runner_test, answers_the_daemon) {
    auto const files = embedded_migrations();
    EXPECT_THAT(check_schema(database_).advice, HasSubstr("run tallyd migrate up"));
    runner(files).up(files.back().version - 1);
    auto check = check_schema(database_);
    EXPECT_FALSE(check.is_ok);
    EXPECT_EQ(check.database_version, files.back().version - 1);
    runner(files).up();
    EXPECT_TRUE(check_schema(database_).is_ok);
    sql_session{database_, "test"}.execute(
        "INSERT INTO public.tallyd_migrations (version, name, up_sha256, down_sha256, state) "
        "VALUES (9999, 'future', '', '', 'applied')");
    check = check_schema(database_);
    EXPECT_FALSE(check.is_ok);
    EXPECT_THAT(check.advice, HasSubstr("newer than this tallyd"));
}

TEST(migration_runner, reports_a_server_that_is_not_there) {
    EXPECT_THROW((migration_runner{"host=/nowhere dbname=x", two_files()}), command_error);
}

TEST_F(migration_runner_test, says_what_down_would_destroy) {
    auto files = two_files();
    files.push_back(file(3, "names",
                         "ALTER TABLE public.dogs ADD breed text; CREATE TABLE public.bites (day "
                         "date) PARTITION BY RANGE (day); CREATE TABLE public.bites_2026 PARTITION "
                         "OF public.bites FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
                         "DROP TABLE public.bites; ALTER TABLE public.dogs DROP breed"));
    EXPECT_TRUE(runner(files).loss_of_down().migrations.empty());
    runner(files).up();
    sql_session{database_, "test"}.execute(
        "INSERT INTO public.bites SELECT '2026-02-03' FROM generate_series(1, 1000)");
    auto const last = runner(files).loss_of_down();
    ASSERT_EQ(last.migrations.size(), 1U);
    EXPECT_EQ(last.migrations.front().version, 3);
    EXPECT_EQ(last.tables, std::vector<std::string>{"public.bites"}); // dogs stay
    EXPECT_EQ(std::to_string(last.bytes),
              value("SELECT pg_total_relation_size('public.bites_2026')"));
    EXPECT_GT(last.bytes, 0);
    EXPECT_EQ(last.keep, 2);
    auto const all = runner(files).loss_of_down(0);
    EXPECT_EQ(all.migrations.size(), 3U);
    EXPECT_EQ(all.migrations.front().version, 3); // in the order of reverting
    EXPECT_EQ(all.tables, (std::vector<std::string>{"public.bites", "public.cats", "public.dogs"}));
    EXPECT_EQ(runner(files).loss_of_down(3).migrations.size(), 0U);
}

TEST_F(migration_runner_test, redoes_the_one_that_was_meant_or_none) {
    runner(two_files()).up();
    EXPECT_EQ(exit_of([&] { runner(two_files()).redo(1); }), migrate_exit::failed);
    EXPECT_THAT(text_, HasSubstr("the last migration is 2 by now, not 1"));
    EXPECT_EQ(events_, 2);
    runner(two_files()).redo(2);
    EXPECT_EQ(events_, 4);
}

} // namespace
} // namespace tally::storage
