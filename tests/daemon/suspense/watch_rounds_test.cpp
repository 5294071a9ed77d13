#include "daemon/suspense/watch.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <new>
#include <stdexcept>

// The suspense watch with a database of the test: what it retries, when, and what ends it.

namespace tally::daemon {
namespace {

using tally::tests::eventually;
using tests::small_catalog;

/// The database; set and read by the test while the watch runs.
struct suspense_state {
    mutable std::mutex mutex; ///< guards the members below
    std::condition_variable wake;
    std::deque<ingest::uuid> due; ///< each is tried once by one catalog
    bool is_ours = true;
    bool is_away = false;
    bool is_held = false; ///< retries wait until they are canceled
    std::function<void()> on_retry = [] {};
    std::vector<std::size_t> pages;                               ///< their numbers of records
    std::vector<std::shared_ptr<rating::catalog const>> catalogs; ///< one of each page
    int looks = 0;
    int questions = 0; ///< for the leader
    int ends = 0;
    std::atomic<bool> is_cancelled{false};

    template <typename Change>
    auto with(Change&& change) {
        std::lock_guard const lock{mutex};
        return change(*this);
    }
};

class fake_suspense final : public suspense_database {
  public:
    explicit fake_suspense(suspense_state& shared) : state_{shared} {}

    std::vector<storage::waiting_reason> waiting() override {
        std::lock_guard const lock{state_.mutex};
        check();
        ++state_.looks;
        return {{"unknown_number", 3, 0}};
    }
    bool is_leader() override {
        std::lock_guard const lock{state_.mutex};
        check();
        ++state_.questions;
        return state_.is_ours;
    }
    std::vector<ingest::uuid> due(storage::automatic_attempts const& attempts,
                                  std::int32_t ids_max) override {
        std::lock_guard const lock{state_.mutex};
        check();
        EXPECT_EQ(attempts.attempts_max, 5);
        auto const count = std::min(state_.due.size(), static_cast<std::size_t>(ids_max));
        return {state_.due.begin(), state_.due.begin() + static_cast<std::ptrdiff_t>(count)};
    }
    retry_counts retry(std::vector<ingest::uuid> ids, retry_options const& options) override {
        std::function<void()> act;
        {
            std::unique_lock lock{state_.mutex};
            check();
            state_.pages.push_back(ids.size());
            state_.catalogs.push_back(options.catalog);
            state_.wake.wait(lock, [this] { return !state_.is_held || state_.is_cancelled; });
            check();
            for (auto const& id : ids) {
                std::erase(state_.due, id);
            }
            act = state_.on_retry;
        }
        act();
        return {.tried = ids.size(), .stored = ids.size(), .duplicate = 0, .still_waiting = {}};
    }
    void end_retries() noexcept override {
        std::lock_guard const lock{state_.mutex};
        ++state_.ends;
    }
    void cancel() noexcept override {
        std::lock_guard const lock{state_.mutex};
        state_.is_cancelled = true;
        state_.wake.notify_all();
    }
    [[nodiscard]] bool is_cancelled() const noexcept override { return state_.is_cancelled; }

  private:
    void check() const {
        if (state_.is_cancelled || state_.is_away) {
            throw std::runtime_error("away");
        }
    }

    suspense_state& state_;
};

class suspense_rounds : public ::testing::Test {
  protected:
    suspense_rounds() { make(5); }

    void make(std::int32_t attempts_max) {
        watch_.reset();
        state_.is_cancelled = false;
        watch_ = std::make_unique<suspense_watch>(
            std::make_unique<fake_suspense>(state_), attempts_max,
            suspense_observer{.waiting = [](auto const& reasons) { EXPECT_EQ(reasons.size(), 1U); },
                              .tried = [this](auto const& counts) { stored_ += counts.stored; },
                              .stored = {}},
            failures_);
    }
    /// Sources and a catalog, as the catalog watch gives them.
    std::shared_ptr<rating::catalog const> load(ingest::time_us as_of = 1) {
        auto catalog = small_catalog();
        watch_->set_sources(std::make_shared<ingest::source_table>(std::vector<ingest::source>(1)));
        watch_->set_catalog(catalog, as_of);
        return catalog;
    }
    void add_due(std::size_t records) {
        std::lock_guard const lock{state_.mutex};
        for (std::size_t i = 0; i < records; ++i) {
            state_.due.push_back(ingest::uuid_v7());
        }
    }
    [[nodiscard]] bool has_stored(std::uint64_t records) const {
        return eventually([&] { return stored_ == records; });
    }
    [[nodiscard]] bool has_asked(int questions) {
        return eventually([&] {
            return state_.with([](auto const& state) { return state.questions; }) >= questions;
        });
    }

    suspense_state state_;
    failure_report failures_;
    std::atomic<std::uint64_t> stored_{0};
    std::unique_ptr<suspense_watch> watch_;
};

TEST_F(suspense_rounds, retries_all_that_is_due_in_pages) {
    add_due(450);
    load();
    watch_->start();
    ASSERT_TRUE(has_stored(450));
    watch_->stop();
    EXPECT_EQ(state_.pages, (std::vector<std::size_t>{200, 200, 50}));
    EXPECT_EQ(state_.looks, 1);
    EXPECT_GE(state_.ends, 1) << "an idle daemon keeps no connections for retries";
    EXPECT_FALSE(failures_.has_failed());
}

TEST_F(suspense_rounds, retries_nothing_before_there_are_a_catalog_and_sources) {
    add_due(1);
    watch_->start();
    ASSERT_TRUE(has_asked(1));
    watch_->set_catalog(small_catalog(), 1);
    ASSERT_TRUE(has_asked(2));
    EXPECT_EQ(stored_, 0U);
    load(2);
    EXPECT_TRUE(has_stored(1));
}

TEST_F(suspense_rounds, leaves_the_retries_to_the_daemon_that_leads) {
    state_.is_ours = false;
    add_due(1);
    load();
    watch_->start();
    ASSERT_TRUE(has_asked(1));
    EXPECT_EQ(state_.with([](auto const& state) { return state.looks; }), 1)
        << "it counts what waits nevertheless";
    state_.with([](auto& state) { state.is_ours = true; }); // the other one has ended
    load(2);
    EXPECT_TRUE(has_stored(1));
}

TEST_F(suspense_rounds, only_counts_when_no_record_is_to_be_retried) {
    make(0);
    add_due(1);
    load();
    watch_->start();
    ASSERT_TRUE(eventually(
        [this] { return state_.with([](auto const& state) { return state.looks; }) == 1; }));
    watch_->stop();
    EXPECT_EQ(state_.questions, 0);
    EXPECT_TRUE(state_.pages.empty());
}

TEST_F(suspense_rounds, goes_on_after_a_database_that_was_away) {
    state_.is_away = true;
    add_due(3);
    load();
    watch_->start();
    ASSERT_TRUE(eventually([this] {
        return state_.with([](auto const& state) { return state.ends; }) >= 1;
    })) << "its connections may be broken";
    state_.with([](auto& state) { state.is_away = false; });
    load(2);
    EXPECT_TRUE(has_stored(3));
    EXPECT_FALSE(failures_.has_failed());
}

TEST_F(suspense_rounds, reports_what_no_database_can_be_blamed_for) {
    state_.on_retry = [] { throw std::bad_alloc{}; };
    add_due(1);
    load();
    watch_->start();
    EXPECT_TRUE(eventually([this] { return failures_.has_failed(); }));
}

// The page after the change is tried with the new catalog, and another round follows.
TEST_F(suspense_rounds, takes_a_catalog_that_comes_while_it_retries) {
    add_due(201);
    std::shared_ptr<rating::catalog const> next;
    state_.on_retry = [&] {
        if (next == nullptr) {
            next = load(2);
        }
    };
    auto const first = load();
    watch_->start();
    ASSERT_TRUE(has_stored(201));
    ASSERT_TRUE(has_asked(2));
    watch_->stop();
    ASSERT_EQ(state_.catalogs.size(), 2U);
    EXPECT_EQ(state_.catalogs[0], first);
    EXPECT_EQ(state_.catalogs[1], next);
}

TEST_F(suspense_rounds, stops_in_the_middle_of_a_page) {
    state_.is_held = true;
    add_due(300);
    load();
    watch_->start();
    ASSERT_TRUE(eventually(
        [this] { return state_.with([](auto const& state) { return state.pages.size(); }) == 1; }));
    watch_->stop();
    EXPECT_EQ(stored_, 0U);
    EXPECT_EQ(state_.pages.size(), 1U);
    EXPECT_EQ(state_.due.size(), 300U) << "they wait as before";
    EXPECT_FALSE(failures_.has_failed());
}

TEST_F(suspense_rounds, takes_catalogs_from_another_thread) {
    watch_->start();
    for (ingest::time_us time = 1; time <= 50; ++time) {
        add_due(3);
        load(time);
    }
    EXPECT_TRUE(has_stored(150));
}

} // namespace
} // namespace tally::daemon
