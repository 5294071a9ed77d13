#include "daemon/journal/intake.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/support/eventually.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>

// The journal, the feeder and the keeper together, while no database can be reached: what was
// acknowledged stays on disk for the next run.

namespace tally::daemon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ingest::push_status;
using tests::memory_batches;
using tests::silent_observer;

class intake_test : public ::testing::Test {
  protected:
    intake_test() {
        std::string name = (fs::temp_directory_path() / "tallyd-intake-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        std::vector<ingest::source> sources(1);
        sources.front().id = tests::id_of(1);
        lanes_.set_sources(std::make_shared<ingest::source_table>(std::move(sources)));
        lanes_.set_catalog(tests::small_catalog());
    }
    ~intake_test() override { fs::remove_all(folder_); }

    [[nodiscard]] intake_options options() const {
        return {.folder = folder_,
                .bytes_max = 1 << 26,
                .memory_bytes_max = 1 << 20,
                .connection_string = "host=/nonexistent dbname=none"};
    }
    [[nodiscard]] std::unique_ptr<intake> make() {
        return std::make_unique<intake>(options(), lanes_, failures_, [](journal_report const&) {});
    }
    /// A run that takes pushes.
    [[nodiscard]] std::unique_ptr<intake> running() {
        auto made = make();
        made->start();
        made->open();
        return made;
    }
    /// As the daemon ends a run.
    static void end(intake& run) {
        run.close();
        EXPECT_FALSE(run.drain(20ms)) << "the position is not known";
        run.stop();
        run.finish();
    }

    /// Pushes a call; whether it was durable is known later.
    std::future<bool> push(intake& run, std::shared_ptr<ingest::commit_wait> const& waits = {}) {
        auto block = tests::block_of(tests::call_json(next_call_++, 1));
        auto durable = std::make_shared<std::promise<bool>>();
        auto outcome = durable->get_future();
        block->waits = waits;
        block->admitted_bytes = 300;
        block->on_done = [durable](auto const& done) { durable->set_value(done.durable); };
        EXPECT_EQ(run.sink().admit(300), push_status::pushed);
        EXPECT_EQ(run.sink().push(block), push_status::pushed);
        return outcome;
    }

    fs::path folder_;
    silent_observer observer_;
    failure_report failures_;
    std::shared_ptr<memory_batches::state> database_ = std::make_shared<memory_batches::state>();
    pipeline lanes_{{.lanes = 1, .memory_bytes_max = 1 << 20, .import_id = {}},
                    [this](std::uint32_t) { return std::make_unique<memory_batches>(database_); },
                    observer_,
                    failures_};

  private:
    int next_call_ = 0;
};

TEST_F(intake_test, takes_no_push_before_it_is_opened) {
    auto const run = make();
    run->start();
    EXPECT_EQ(run->sink().admit(300), push_status::full);
    run->open();
    EXPECT_EQ(run->sink().admit(300), push_status::pushed);
    run->sink().release(300);
}

TEST_F(intake_test, keeps_what_it_acknowledged_for_the_next_run) {
    auto first = running();
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(push(*first).get());
    }
    EXPECT_TRUE(first->gaps().empty());
    end(*first);
    first.reset();

    ingest::journal_folder const folder{folder_};
    auto const streams = folder.streams();
    ASSERT_EQ(streams.size(), 1U);
    EXPECT_GT(streams[0].bytes, 0U);
    EXPECT_TRUE(database_->calls.empty()) << "nothing is fed before the position is known";
    EXPECT_FALSE(failures_.has_failed());
}

TEST_F(intake_test, counts_what_earlier_runs_left) {
    auto first = running();
    EXPECT_TRUE(push(*first).get());
    auto const bytes = first->bytes();
    EXPECT_GT(bytes, 0U);
    end(*first);
    first.reset();
    EXPECT_GE(make()->bytes(), bytes);
}

TEST_F(intake_test, answers_a_sender_that_waits_for_commit_at_the_end) {
    auto const run = running();
    auto const waits = std::make_shared<ingest::commit_wait>();
    auto outcome = push(*run, waits);
    EXPECT_TRUE(push(*run).get()) << "the one before is on disk as well";
    EXPECT_EQ(run->commit_waiters(), 1U);
    EXPECT_EQ(outcome.wait_for(0s), std::future_status::timeout);

    end(*run);
    EXPECT_FALSE(outcome.get()) << "not in the database";
    EXPECT_EQ(run->commit_waiters(), 0U);
}

TEST_F(intake_test, refuses_pushes_after_it_is_closed) {
    auto const run = running();
    run->close();
    auto block = tests::block_of(tests::call_json(1, 1));
    EXPECT_EQ(run->sink().push(block), push_status::closed);
    run->stop();
    run->finish();
}

TEST_F(intake_test, refuses_a_folder_that_another_one_uses) {
    auto const run = make();
    EXPECT_THROW(static_cast<void>(make()), std::runtime_error);
}

TEST_F(intake_test, has_a_sign_of_life_of_each_thread) {
    auto const run = make();
    std::vector<std::string> parts;
    for (auto const* pulse : run->pulses()) {
        parts.push_back(pulse->part());
    }
    EXPECT_THAT(parts, testing::ElementsAre("journal writer", "journal feeder", "position keeper"));
}

} // namespace
} // namespace tally::daemon
