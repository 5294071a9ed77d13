#include "daemon/pipeline/catalog_watch.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

// The catalog watch with a database of the test: what it loads, when, and who hears of it.

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;
using tally::tests::eventually;

/// What the database does; set and read by the test while the watch runs.
struct catalog_state {
    std::mutex mutex; ///< guards the members below
    std::condition_variable wake;
    bool has_changed = true; ///< as after each new connection
    bool is_away = false;
    bool is_cancelled = false;
    int loads_refused = 0; ///< so many of the next loads fail
    std::function<void()> on_load = [] {};
    int loads = 0;

    void change() {
        std::lock_guard const lock{mutex};
        has_changed = true;
        wake.notify_all();
    }
};

class fake_catalog final : public catalog_database {
  public:
    explicit fake_catalog(catalog_state& shared) : state_{shared} {}

    storage::expected<bool> wait_for_change(int timeout_ms) override {
        std::unique_lock lock{state_.mutex};
        state_.wake.wait_for(lock, std::chrono::milliseconds{timeout_ms}, [this] {
            return state_.has_changed || state_.is_cancelled || state_.is_away;
        });
        if (state_.is_cancelled || state_.is_away) {
            return storage::result{storage::failure::transient, "08006", "away"};
        }
        return std::exchange(state_.has_changed, false);
    }
    storage::expected<loaded_data> load() override {
        std::function<void()> act;
        {
            std::lock_guard const lock{state_.mutex};
            ++state_.loads;
            if (state_.loads_refused > 0) {
                --state_.loads_refused;
                return storage::result{storage::failure::transient, "57P01", "restarts"};
            }
            act = state_.on_load;
        }
        act();
        loaded_data loaded;
        loaded.sources.sources =
            std::make_shared<ingest::source_table>(std::vector<ingest::source>(1));
        loaded.catalog.catalog = tests::small_catalog();
        loaded.catalog.as_of = 17;
        return loaded;
    }
    void cancel() noexcept override {
        std::lock_guard const lock{state_.mutex};
        state_.is_cancelled = true;
        state_.wake.notify_all();
    }

  private:
    catalog_state& state_;
};

class catalog_watch_test : public ::testing::Test {
  protected:
    /// `wait`: how long a wait for notifications lasts.
    std::unique_ptr<catalog_watch> make(std::chrono::milliseconds wait = 1h) {
        catalog_target const target{
            .set_catalog =
                [this](auto const& catalog, ingest::time_us as_of) {
                    EXPECT_EQ(catalog->accounts(), 3U);
                    EXPECT_EQ(as_of, 17);
                    EXPECT_GT(sources_, catalogs_) << "the sources come first";
                    ++catalogs_;
                },
            .set_sources = [this](auto const& sources) { sources_ += sources != nullptr ? 1 : 0; },
            .reached = [this] { ++reached_; },
            .lost = [this](std::string const& /*reason*/) { ++lost_; }};
        return std::make_unique<catalog_watch>(
            std::make_unique<fake_catalog>(state_), target, failures_,
            catalog_watch::intervals{.wait = wait, .retry_after = 1ms, .settle = 0ms});
    }
    [[nodiscard]] bool has_loaded(int catalogs) const {
        return eventually([&] { return catalogs_ == catalogs; });
    }

    catalog_state state_;
    failure_report failures_;
    std::atomic<int> sources_{0};
    std::atomic<int> catalogs_{0};
    std::atomic<int> reached_{0};
    std::atomic<int> lost_{0};
};

TEST_F(catalog_watch_test, loads_at_its_start_and_after_each_change) {
    auto const watch = make();
    EXPECT_EQ(watch->age_s(), std::nullopt);
    watch->start();
    ASSERT_TRUE(has_loaded(1));
    EXPECT_TRUE(eventually([&] { return watch->age_s().has_value(); }));
    EXPECT_LE(*watch->age_s(), 60);
    state_.change();
    ASSERT_TRUE(has_loaded(2));
    watch->stop();
    EXPECT_EQ(state_.loads, 2);
    EXPECT_EQ(reached_, 2);
    EXPECT_EQ(lost_, 0) << "a stop is no loss";
}

TEST_F(catalog_watch_test, loads_when_it_is_asked_to) {
    auto const watch = make(1ms);
    watch->start();
    ASSERT_TRUE(has_loaded(1));
    watch->reload();
    ASSERT_TRUE(has_loaded(2));
}

TEST_F(catalog_watch_test, loads_once_more_after_a_load_that_failed) {
    state_.loads_refused = 2;
    auto const watch = make(1ms);
    watch->start();
    ASSERT_TRUE(has_loaded(1)) << "the notification came once";
    EXPECT_EQ(lost_, 2);
    watch->stop();
    EXPECT_EQ(state_.loads, 3);
}

TEST_F(catalog_watch_test, loads_once_more_after_a_load_that_threw) {
    state_.on_load = [this] {
        state_.on_load = [] {};
        throw std::runtime_error("a row that makes no sense");
    };
    auto const watch = make(1ms);
    watch->start();
    ASSERT_TRUE(has_loaded(1)) << "the notification came once";
    EXPECT_FALSE(failures_.has_failed());
}

TEST_F(catalog_watch_test, says_that_the_database_is_away_until_it_is_back) {
    state_.is_away = true;
    auto const watch = make();
    watch->start();
    ASSERT_TRUE(eventually([this] { return lost_ >= 2; }));
    EXPECT_EQ(reached_, 0);
    {
        std::lock_guard const lock{state_.mutex};
        state_.is_away = false;
    }
    ASSERT_TRUE(has_loaded(1));
    EXPECT_GE(reached_, 1);
}

TEST_F(catalog_watch_test, ends_with_a_report_when_memory_is_lacking) {
    state_.on_load = [] { throw std::bad_alloc{}; };
    auto const watch = make();
    watch->start();
    ASSERT_TRUE(eventually([this] { return failures_.has_failed(); }));
    EXPECT_EQ(catalogs_, 0);
}

TEST_F(catalog_watch_test, stops_in_the_middle_of_a_wait) {
    state_.has_changed = false;
    auto const watch = make();
    watch->start();
    ASSERT_TRUE(eventually([&] {
        return watch->pulse().read(heartbeat::clock::now()).state ==
               part_state::waiting_for_database;
    }));
    watch->stop();
    EXPECT_EQ(state_.loads, 0);
    EXPECT_EQ(lost_, 0);
}

TEST_F(catalog_watch_test, takes_requests_from_many_threads) {
    auto const watch = make(1ms);
    watch->start();
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            for (int number = 0; number < 20; ++number) {
                watch->reload();
                state_.change();
                EXPECT_GE(watch->age_s().value_or(0), 0);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(eventually([this] { return catalogs_ >= 1; }));
    int const before = catalogs_;
    watch->reload();
    EXPECT_TRUE(eventually([&] { return catalogs_ > before; }));
}

} // namespace
} // namespace tally::daemon
