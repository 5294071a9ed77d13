#include "daemon/journal/feeder.hpp"
#include "daemon/journal/push_journal_thread.hpp"
#include "daemon/pipeline/pipeline.hpp"

#include "tests/daemon/journal/feeder_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

// All threads between a push and the database at once, with the database in memory: for
// ThreadSanitizer, and for what only goes wrong when they meet.

namespace tally::daemon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ingest::push_status;
using tests::memory_batches;
using tests::memory_positions;
using tests::silent_observer;

/// Positions that two threads use, each with its own connection in the product.
class shared_positions final : public storage::position_store {
  public:
    storage::expected<std::uint64_t> load(std::string_view stream) override {
        std::lock_guard const lock{mutex_};
        return rows_.load(stream);
    }
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override {
        std::lock_guard const lock{mutex_};
        return rows_.move(wanted, out);
    }
    storage::expected<bool> has_ends(std::span<storage::stream_end const> ends) override {
        std::lock_guard const lock{mutex_};
        return rows_.has_ends(ends);
    }
    storage::result forget(std::string_view stream) override {
        std::lock_guard const lock{mutex_};
        return rows_.forget(stream);
    }
    storage::result keep_decisions(std::string_view stream,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& link) override {
        std::lock_guard const lock{mutex_};
        return rows_.keep_decisions(stream, decided, link);
    }
    storage::result load_decisions(std::string_view stream, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override {
        std::lock_guard const lock{mutex_};
        return rows_.load_decisions(stream, position, out);
    }

  private:
    std::mutex mutex_; ///< guards rows_
    memory_positions rows_;
};

/// Steps something until it is told to stop.
class stepping_thread {
  public:
    explicit stepping_thread(std::function<void()> step)
        : thread_{[this, act = std::move(step)] {
              while (!stopping_) {
                  act();
                  std::this_thread::sleep_for(100us);
              }
          }} {}
    ~stepping_thread() {
        stopping_ = true;
        thread_.join();
    }
    stepping_thread(stepping_thread const&) = delete;
    stepping_thread& operator=(stepping_thread const&) = delete;

  private:
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

class feeder_threads : public ::testing::Test {
  protected:
    static constexpr std::uint32_t lanes_count = 2;
    static constexpr int senders = 3;
    static constexpr int pushes_each = 60;

    feeder_threads() {
        std::string name = (fs::temp_directory_path() / "tallyd-feeder-XXXXXX").string();
        folder_name_ = ::mkdtemp(name.data());
    }
    ~feeder_threads() override { fs::remove_all(folder_name_); }

    /// Pushes calls with numbers of their own, and counts those that were acknowledged.
    void send(push_journal& journal, int sender) {
        for (int i = 0; i < pushes_each; ++i) {
            auto const number = sender * pushes_each + i;
            auto block = tests::block_of(tests::call_json(number, 1 + number % 3));
            auto const waits =
                i % 4 == 0 ? std::make_shared<ingest::commit_wait>() : nullptr; // for COMMIT
            std::promise<bool> durable;
            block->waits = waits;
            block->admitted_bytes = 300;
            block->on_done = [&durable](auto const& outcome) {
                durable.set_value(outcome.durable);
            };
            while (journal.admit(300) == push_status::full) {
                std::this_thread::yield();
            }
            ASSERT_EQ(journal.push(block), push_status::pushed);
            acknowledged_ += durable.get_future().get() ? 1 : 0;
        }
    }

    fs::path folder_name_;
    std::array<std::shared_ptr<memory_batches::state>, lanes_count> databases_{
        std::make_shared<memory_batches::state>(), std::make_shared<memory_batches::state>()};
    shared_positions positions_;
    silent_observer observer_;
    failure_report failures_;
    std::atomic<int> acknowledged_{0};
};

TEST_F(feeder_threads, store_every_push_once_and_drain) {
    // Little memory, so that the feeder meets lanes without credit; small segments, so that some
    // are removed meanwhile.
    pipeline lanes{
        {.lanes = lanes_count, .memory_bytes_max = 20'000, .import_id = {}},
        [this](std::uint32_t lane) { return std::make_unique<memory_batches>(databases_[lane]); },
        observer_,
        failures_};
    lanes.set_sources(tests::one_source());
    lanes.set_catalog(tests::small_catalog());

    ingest::journal_folder folder{folder_name_};
    ingest::journal_writer writer{{folder_name_, ingest::uuid_v7(), 16 << 10}, ingest::real_disk()};
    push_journal journal{{.bytes_max = 1 << 26, .memory_bytes_max = 2'000},
                         writer,
                         [&lanes] { return lanes.sources(); },
                         [&lanes](auto& block) { decide_payers(block, *lanes.catalog()); },
                         [](journal_report const&) {}};
    position_keeper keeper{positions_,
                           {[&lanes] { return lanes.last_batches(); },
                            [&lanes](auto covered) { lanes.forget_last_batches(covered); }},
                           {}};
    journal_feeder feeder{{.lanes = lanes,
                           .positions = positions_,
                           .keeper = keeper,
                           .failures = failures_,
                           .catalog = [&lanes] { return lanes.catalog(); },
                           .decisions = lanes.decisions(),
                           .forget_batches = [&lanes] { lanes.forget_last_batches(); }},
                          folder,
                          writer,
                          journal,
                          {}};
    journal.open();
    push_journal_thread writing{journal, failures_};
    lanes.start();
    {
        stepping_thread const feeding{[&feeder] { feeder.step(journal_feeder::clock::now()); }};
        stepping_thread const keeping{[&keeper] { keeper.step(position_keeper::clock::now()); }};
        stepping_thread const asking{[&] {
            static_cast<void>(journal.oldest());
            static_cast<void>(journal.bytes() + journal.commit_waiters() + feeder.committed());
            lanes.set_catalog(tests::small_catalog());
        }};
        std::vector<std::thread> threads;
        for (int sender = 0; sender < senders; ++sender) {
            threads.emplace_back([this, &journal, sender] { send(journal, sender); });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        writing.finish();
        feeder.drain();
        EXPECT_TRUE(tally::tests::eventually([&feeder] { return feeder.is_drained(); }, 60s));
    }
    EXPECT_TRUE(lanes.drain(20s));
    EXPECT_EQ(acknowledged_, senders * pushes_each);
    EXPECT_EQ(databases_[0]->calls.size() + databases_[1]->calls.size(),
              static_cast<std::size_t>(senders) * pushes_each);
    EXPECT_EQ(feeder.committed(), static_cast<std::uint64_t>(senders) * pushes_each);
    EXPECT_FALSE(failures_.has_failed());
}

} // namespace
} // namespace tally::daemon
