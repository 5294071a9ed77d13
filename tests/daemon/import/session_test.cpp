#include "daemon/import/session.hpp"

#include "tests/daemon/import/fake_database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

// The import of files with a database of the test: a lane and the keeper of the position run in
// their threads, as they do beside PostgreSQL.

namespace tally::daemon {
namespace {

using ::testing::HasSubstr;
using tests::call_json;
using tests::fake_database;
using tests::import_tables;

class import_sessions : public ::testing::Test {
  protected:
    import_sessions() {
        tables_.sources.front().id = tests::id_of(1);
        tables_.sources.front().name = "local";
        std::string name =
            (std::filesystem::temp_directory_path() / "tallyd-session-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());

        // One lane, since the tables of its batches have no lock.
        options_.settings.lanes = 1;
        options_.in_format = ingest::find_format("canonical");
        options_.show_progress = false;
        options_.stop = [this] {
            questions_ += tables_.is_begun ? 1 : 0;
            return stops_before_begin_ || questions_ > stop_after_ ? stop_ : stop_request::none;
        };
    }
    ~import_sessions() override { std::filesystem::remove_all(folder_); }

    /// A file of these lines.
    std::string file_of(std::string const& lines, std::string const& name = "calls") const {
        std::ofstream(folder_ / name, std::ios::binary) << lines;
        return folder_ / name;
    }
    static std::string calls(int count, int begin = 0) {
        std::string lines;
        for (int i = begin; i < begin + count; ++i) {
            lines += call_json(i, 1 + i % 3);
        }
        return lines;
    }
    import_summary run(std::string const& file) {
        questions_ = 0;
        tables_.is_begun = false;
        import_session session{std::make_unique<fake_database>(tables_), options_};
        return session.run(file);
    }
    [[nodiscard]] std::string refusal() {
        try {
            import_session{std::make_unique<fake_database>(tables_), options_};
        } catch (storage::command_error const& error) {
            return error.what();
        }
        return "";
    }
    [[nodiscard]] storage::import_row const& row() const { return tables_.rows.at(0); }
    [[nodiscard]] std::size_t stored() const { return tables_.batches->calls.size(); }
    [[nodiscard]] std::uint64_t position() const {
        return tables_.positions.positions.empty() ? 0
                                                   : tables_.positions.positions.begin()->second;
    }

    import_tables tables_;
    import_options options_;
    stop_request stop_ = stop_request::none;
    int stop_after_ = 0; ///< so many questions since the import was begun
    bool stops_before_begin_ = false;
    std::filesystem::path folder_;

  private:
    int questions_ = 0;
};

TEST_F(import_sessions, stores_a_file_and_recognizes_it_by_its_content) {
    auto const first = run(file_of(calls(30) + call_json(5, 3)));
    EXPECT_EQ(first.state, "done") << first.failure;
    EXPECT_EQ(stored(), 30U);
    EXPECT_EQ(row().state, storage::import_state::done);
    EXPECT_EQ(row().counts, (storage::import_counts{31, 30, 1, 0, 0}));
    EXPECT_EQ(position(), 31U);

    auto const again = run(file_of(calls(30) + call_json(5, 3), "renamed"));
    EXPECT_EQ(again.state, "already_imported");
    EXPECT_TRUE(import_session::is_success(again));
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(stored(), 30U);
}

TEST_F(import_sessions, suspends_what_the_database_refuses_and_stores_the_rest) {
    auto const done = run(file_of(calls(10) + call_json(50, 2, "44666") + calls(10, 10)));
    EXPECT_EQ(done.state, "done") << done.failure;
    EXPECT_EQ(stored(), 20U);
    EXPECT_EQ(tables_.batches->suspended, 1U);
    EXPECT_GT(tables_.batches->refused, 0U);
    EXPECT_EQ(row().counts, (storage::import_counts{21, 20, 0, 1, 0}));
    EXPECT_EQ(done.totals.suspended_by_reason.at(ingest::record_error::database_refused), 1U);
}

TEST_F(import_sessions, writes_what_it_cannot_read_into_the_file_of_rejects) {
    options_.rejects_file = folder_ / "rejects";
    auto const done = run(file_of(calls(3) + "{\"uuid\":\n" + calls(3, 3)));
    EXPECT_EQ(done.state, "done") << done.failure;
    EXPECT_EQ(row().counts, (storage::import_counts{7, 6, 0, 0, 1}));
    EXPECT_EQ(tables_.batches->suspended, 0U);
    std::ostringstream text;
    text << std::ifstream{options_.rejects_file}.rdbuf();
    EXPECT_THAT(text.str(), HasSubstr(R"("record":3,"line":4,)"));
}

TEST_F(import_sessions, a_file_without_a_readable_record_is_no_success) {
    auto const done = run(file_of("a\nb\n"));
    EXPECT_EQ(done.state, "done");
    EXPECT_FALSE(import_session::is_success(done));
}

TEST_F(import_sessions, continues_where_the_run_before_was_stopped) {
    // Five pieces of the file, and a question for each quarter of one.
    auto const file = file_of(calls(20'000));
    stop_ = stop_request::gently;
    stop_after_ = 8;
    auto const stopped = run(file);
    ASSERT_EQ(stopped.state, "stopped");
    EXPECT_THAT(stopped.failure, HasSubstr("to continue where it stopped"));
    EXPECT_EQ(row().state, storage::import_state::running);
    EXPECT_GT(stored(), 0U);
    ASSERT_LT(stored(), 20'000U);
    EXPECT_EQ(position(), stored()) << "a gentle stop finishes what is under way";

    stop_ = stop_request::none;
    auto const done = run(file);
    EXPECT_EQ(done.state, "done") << done.failure;
    EXPECT_EQ(done.counts.resumed, stopped.counts.committed);
    EXPECT_EQ(done.counts.committed + done.counts.resumed, 20'000U);
    EXPECT_EQ(stored(), 20'000U);
    EXPECT_EQ(row().runs, 2);
    EXPECT_EQ(row().counts, (storage::import_counts{20'000, 20'000, 0, 0, 0}));
}

TEST_F(import_sessions, force_reads_from_the_beginning_and_leaves_it_to_the_keys) {
    auto const file = file_of(calls(10));
    (void)run(file);
    options_.force = true;
    auto const again = run(file);
    EXPECT_EQ(again.state, "done") << again.failure;
    EXPECT_EQ(again.counts.resumed, 0U);
    EXPECT_EQ(again.counts.received, 10U);
    EXPECT_EQ(stored(), 10U);
}

TEST_F(import_sessions, waits_for_a_database_that_comes_back) {
    tables_.batches->outages = 2;
    auto const done = run(file_of(calls(10)));
    EXPECT_EQ(done.state, "done") << done.failure;
    EXPECT_EQ(stored(), 10U);
}

TEST_F(import_sessions, ends_at_once_on_request_while_the_database_is_away) {
    tables_.batches->is_away = true;
    stop_ = stop_request::at_once;
    stop_after_ = 20;
    auto const stopped = run(file_of(calls(10)));
    EXPECT_EQ(stopped.state, "stopped");
    EXPECT_EQ(row().state, storage::import_state::running);
    EXPECT_EQ(row().counts.committed, 0);
    EXPECT_EQ(position(), 0U);
    EXPECT_EQ(stored(), 0U);
}

TEST_F(import_sessions, fails_if_the_database_has_lost_what_it_had_stored) {
    auto const file = file_of(calls(20'000));
    stop_ = stop_request::gently;
    stop_after_ = 8;
    ASSERT_EQ(run(file).state, "stopped");

    // The position is read when the import begins, and gone afterwards.
    options_.stop = [this] {
        if (tables_.is_begun) {
            std::lock_guard const lock{tables_.positions_mutex};
            tables_.positions.positions.clear();
        }
        return stop_request::none;
    };
    auto const failed = run(file);
    EXPECT_NE(failed.state, "done");
    EXPECT_FALSE(import_session::is_success(failed));
    EXPECT_THAT(failed.failure, HasSubstr("run the same command again"));
    EXPECT_NE(row().state, storage::import_state::done);
}

// Without a position there is no place from which to read again.
TEST_F(import_sessions, fails_without_a_position_if_the_database_has_lost_a_batch) {
    tables_.batches->has_lost = true;
    options_.settings.batch_max_rows = 1000;
    options_.settings.batch_max_grow_ms = 0;
    options_.force = true;
    auto const failed = run(file_of(calls(20'000)));
    EXPECT_FALSE(import_session::is_success(failed));
    EXPECT_THAT(failed.failure, HasSubstr("run the same command again"));
    EXPECT_NE(row().state, storage::import_state::done);
}

TEST_F(import_sessions, a_request_that_fails_ends_the_import) {
    tables_.refuses_rows = true;
    EXPECT_THROW((void)run(file_of(calls(1))), storage::database_error);
    EXPECT_EQ(stored(), 0U);
}

TEST_F(import_sessions, a_dry_run_reads_everything_and_writes_nothing) {
    options_.is_dry_run = true;
    auto const dry = run(file_of(calls(10) + call_json(4, 2) + call_json(90, 7)));
    EXPECT_EQ(dry.state, "done") << dry.failure;
    EXPECT_EQ(dry.counts.committed, 10U);
    EXPECT_EQ(dry.counts.duplicate, 1U);
    EXPECT_EQ(dry.counts.suspended, 1U);
    EXPECT_EQ(dry.id, "");
    EXPECT_TRUE(tables_.rows.empty());
    EXPECT_EQ(tables_.batches->batches, 0U);
}

TEST_F(import_sessions, a_stop_ends_the_digest_before_the_first_record) {
    stop_ = stop_request::gently;
    stops_before_begin_ = true;
    auto const stopped = run(file_of(calls(10)));
    EXPECT_EQ(stopped.state, "stopped");
    EXPECT_TRUE(tables_.rows.empty()) << "the import was not begun";
}

TEST_F(import_sessions, a_missing_file_is_named) {
    auto const failed = run(folder_ / "nowhere");
    EXPECT_EQ(failed.state, "failed");
    EXPECT_THAT(failed.file, HasSubstr("nowhere"));
    EXPECT_THAT(failed.failure, HasSubstr("No such file"));
    EXPECT_TRUE(tables_.rows.empty());
}

TEST_F(import_sessions, refuses_a_wrong_source_before_it_touches_anything) {
    options_.rejects_file = folder_ / "rejects";
    auto& source = tables_.sources.front();
    options_.source = "elsewhere";
    EXPECT_THAT(refusal(), HasSubstr("there is no source 'elsewhere'"));

    options_.source = "local";
    source.is_active = false;
    EXPECT_THAT(refusal(), HasSubstr("source 'local' is disabled"));

    source.is_active = true;
    source.formats = {"freeswitch"};
    EXPECT_THAT(refusal(), HasSubstr("does not send the format canonical"));
    EXPECT_EQ(tables_.catalogs_loaded, 0);
    EXPECT_FALSE(std::filesystem::exists(options_.rejects_file));
}

} // namespace
} // namespace tally::daemon
