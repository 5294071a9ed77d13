#include "daemon/effects/worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

// The worker's thread beside those that wake and end it, with a queue of the test's own.

namespace tally::daemon {
namespace {

using std::chrono::seconds;

/// A queue in memory.
class memory_effects final : public storage::effect_store {
  public:
    /// What the lanes share with the worker's connection.
    struct state {
        std::mutex mutex; ///< guards the members below
        std::condition_variable changed;
        std::int64_t count = 0;
        bool is_away = false;  ///< requests fail
        bool is_stuck = false; ///< requests do not end, except by cancel()
        bool is_in_request = false;
        bool is_cancelled = false;

        void add(std::int64_t effects) {
            std::lock_guard const lock{mutex};
            count += effects;
        }
        void wait_for_request() {
            std::unique_lock lock{mutex};
            changed.wait(lock, [this] { return is_in_request; });
        }
    };

    explicit memory_effects(state& shared) : state_{shared} {}

    storage::result apply_next(storage::effect_counts& out) override {
        std::unique_lock lock{state_.mutex};
        out = {};
        state_.is_in_request = true;
        state_.changed.notify_all();
        state_.changed.wait(lock, [this] { return !state_.is_stuck || state_.is_cancelled; });
        if (state_.is_away || state_.is_cancelled) {
            return {storage::failure::transient, "08006", "away"};
        }
        out.applied = std::min<std::int64_t>(state_.count, 3);
        state_.count -= out.applied;
        return {};
    }
    storage::result waiting(storage::waiting_effects& out) override {
        std::lock_guard const lock{state_.mutex};
        out = {state_.count, 0};
        return {};
    }
    void cancel() noexcept override {
        std::lock_guard const lock{state_.mutex};
        state_.is_cancelled = true;
        state_.changed.notify_all();
    }
    [[nodiscard]] bool is_cancelled() const noexcept override {
        std::lock_guard const lock{state_.mutex};
        return state_.is_cancelled;
    }

  private:
    state& state_;
};

class effects_worker_threads : public ::testing::Test {
  protected:
    memory_effects::state queue_;
    failure_report failures_;
    std::int64_t applied_ = 0; ///< counted on the worker's thread; read when that has ended
    effects_worker worker_{std::make_unique<memory_effects>(queue_),
                           {.applied = [this](auto const& done) { applied_ += done.applied; },
                            .waiting = [](auto const&) {}},
                           failures_};
};

TEST_F(effects_worker_threads, applies_what_several_lanes_queue_before_a_drain_ends) {
    worker_.start();
    {
        std::vector<std::jthread> lanes;
        for (int lane = 0; lane < 3; ++lane) {
            lanes.emplace_back([this] {
                for (int i = 0; i < 50; ++i) {
                    queue_.add(2);
                    worker_.wake();
                    static_cast<void>(worker_.pulse().read(heartbeat::clock::now()));
                }
            });
        }
    }
    EXPECT_TRUE(worker_.drain(seconds{20}));
    worker_.stop();
    EXPECT_EQ(applied_, 300);
    EXPECT_EQ(queue_.count, 0);
}

TEST_F(effects_worker_threads, ends_a_drain_although_the_database_is_away) {
    queue_.is_away = true;
    queue_.add(7);
    worker_.start();
    queue_.wait_for_request();
    worker_.wake(); // does not shorten the pause after the failure
    EXPECT_TRUE(worker_.drain(seconds{20}));
    worker_.stop();
    EXPECT_EQ(applied_, 0);
    EXPECT_EQ(queue_.count, 7) << "they wait for the next start";
    EXPECT_FALSE(failures_.has_failed());
}

TEST_F(effects_worker_threads, stop_cancels_the_request_under_way) {
    queue_.is_stuck = true;
    queue_.add(7);
    worker_.start();
    queue_.wait_for_request();
    EXPECT_FALSE(worker_.drain(std::chrono::milliseconds{1}));
    worker_.stop();
    EXPECT_EQ(queue_.count, 7);
}

TEST_F(effects_worker_threads, has_nothing_to_drain_before_its_start) {
    EXPECT_TRUE(worker_.drain(seconds{20}));
}

} // namespace
} // namespace tally::daemon
