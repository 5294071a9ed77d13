#include "daemon/journal/push_journal_thread.hpp"

#include "ingest/formats/formats.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <future>
#include <numeric>
#include <thread>
#include <vector>

// push_journal on a disk of the test: it keeps nothing, fails when told to, and can hold a sync
// back.

namespace tally::daemon {
namespace {

using ingest::block_outcome;
using ingest::push_status;

class fake_disk final : public ingest::journal_disk {
  public:
    std::atomic<int> sync_error{0};
    std::atomic<int> create_error{0};
    std::atomic<int> syncs{0};
    std::atomic<int> files{0};
    int files_max = 1000;            ///< further ones find no space
    std::promise<void> sync_entered; ///< set by the first sync when `gate` is valid
    std::shared_future<void> gate;   ///< the first sync waits for it

    std::unique_ptr<ingest::segment_output> create(std::filesystem::path const&, std::uint64_t,
                                                   std::string_view, int& error) override {
        error = files >= files_max ? ENOSPC : create_error.load();
        files += error == 0 ? 1 : 0;
        return error == 0 ? std::make_unique<output>(*this) : nullptr;
    }
    std::unique_ptr<ingest::segment_source> open(std::filesystem::path const&,
                                                 int& error) override {
        error = ENOENT; // no test reads
        return nullptr;
    }
    std::vector<ingest::listed_file> list(std::filesystem::path const&) override { return {}; }
    int remove(std::filesystem::path const&) noexcept override {
        --files;
        return 0;
    }
    int sync_folder(std::filesystem::path const&) noexcept override { return 0; }

  private:
    class output final : public ingest::segment_output {
      public:
        explicit output(fake_disk& disk) : disk_{disk} {}
        int write(std::uint64_t, std::string_view) noexcept override { return 0; }
        int sync() noexcept override {
            if (++disk_.syncs == 1 && disk_.gate.valid()) {
                disk_.sync_entered.set_value();
                disk_.gate.wait();
            }
            return disk_.sync_error;
        }

      private:
        fake_disk& disk_;
    };
};

class push_journal_disk : public testing::Test {
  protected:
    static constexpr std::size_t memory_bytes = 100'000;
    static constexpr std::uint64_t segment_bytes = 1 << 20;

    push_journal_disk() { make({1 << 26, memory_bytes, 0}); }

    void make(push_journal_options options) {
        journal_.reset();
        writer_ = std::make_unique<ingest::journal_writer>(
            ingest::journal_writer::options{"unused", ingest::uuid_v7(), segment_bytes}, disk_);
        journal_ = std::make_unique<push_journal>(
            options, *writer_, [] { return std::shared_ptr<ingest::source_table const>{}; },
            [this](ingest::record_block& pushed) { decide_(pushed); },
            [this](journal_report const& report) {
                reports_.push_back(report);
                if (fails_) {
                    throw std::bad_alloc{};
                }
            });
        journal_->open();
    }
    void start() { thread_ = std::make_unique<push_journal_thread>(*journal_, failures_); }

    static std::unique_ptr<ingest::record_block> block(std::uint32_t records) {
        auto made = std::make_unique<ingest::record_block>();
        made->batch.cdrs.resize(records);
        made->batch.cdr_index.resize(records);
        std::iota(made->batch.cdr_index.begin(), made->batch.cdr_index.end(), 0U);
        made->sender = std::make_shared<ingest::source const>();
        made->in_format = &ingest::formats().front();
        return made;
    }
    /// The outcome of a push of `records` records, admitted with `bytes`.
    std::future<block_outcome> push(std::uint32_t records, std::size_t bytes = 10,
                                    std::shared_ptr<ingest::commit_wait> const& waits = {}) {
        auto promise = std::make_shared<std::promise<block_outcome>>();
        EXPECT_EQ(journal_->admit(bytes), push_status::pushed);
        auto pushed = block(records);
        pushed->admitted_bytes = bytes;
        pushed->waits = waits;
        pushed->on_done = [promise](block_outcome const& outcome) { promise->set_value(outcome); };
        EXPECT_EQ(journal_->push(pushed), push_status::pushed);
        return promise->get_future();
    }
    /// Whether a push that fills a segment is durable.
    bool is_taken() {
        bool durable = false;
        auto pushed = block(1);
        pushed->batch.set_body(std::string(segment_bytes - 1000, '\n'));
        pushed->on_done = [&durable](block_outcome const& outcome) { durable = outcome.durable; };
        EXPECT_EQ(journal_->push(pushed), push_status::pushed);
        now_ += std::chrono::milliseconds{1};
        journal_->step(now_);
        return durable;
    }
    /// Segments that are stored, and kept.
    void keep_segments(int count) {
        make({1 << 26, memory_bytes, 0, std::chrono::hours{1}, 1 << 30});
        for (int i = 0; i < count; ++i) {
            EXPECT_TRUE(is_taken());
        }
        journal_->confirm_position(static_cast<std::uint64_t>(count));
        journal_->step(now_);
        EXPECT_EQ(disk_.files, count);
        disk_.files_max = count;
    }
    static bool is_answered(std::future<block_outcome> const& outcome) {
        return outcome.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
    }

    fake_disk disk_;
    std::chrono::steady_clock::time_point now_{std::chrono::hours{1}};
    std::vector<journal_report> reports_; ///< written by the journal's thread until finish()
    std::function<void(ingest::record_block&)> decide_ = [](auto&) {};
    bool fails_ = false; ///< what the thread calls
    failure_report failures_;
    std::unique_ptr<ingest::journal_writer> writer_;
    std::unique_ptr<push_journal> journal_;
    std::unique_ptr<push_journal_thread> thread_;
};

TEST_F(push_journal_disk, tells_every_sender_of_a_flush_that_failed) {
    disk_.sync_error = EIO;
    auto first = push(2, 60'000);
    auto second = push(3, 40'000);
    EXPECT_EQ(journal_->admit(1), push_status::full); // the memory is taken
    start();
    EXPECT_FALSE(first.get().durable);
    EXPECT_FALSE(second.get().durable);
    thread_->finish();
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(reports_[0].error, EIO);
    EXPECT_EQ(reports_[0].records_lost, 5U);
    EXPECT_EQ(journal_->durable(), 0U);
}

TEST_F(push_journal_disk, refuses_pushes_and_reports_when_its_thread_fails) {
    fails_ = true;
    auto outcome = push(1);
    start();
    ASSERT_TRUE(tally::tests::eventually([this] { return failures_.has_failed(); },
                                         std::chrono::seconds{20}));
    auto pushed = block(1);
    EXPECT_EQ(journal_->push(pushed), push_status::closed);
    EXPECT_EQ(journal_->pulse().read(heartbeat::clock::now()).state, part_state::resting);

    // The daemon ends, and with it the sender's connection.
    EXPECT_THROW(outcome.get(), std::future_error);
}

TEST_F(push_journal_disk, goes_on_in_the_next_flush_after_one_that_failed) {
    disk_.sync_error = EIO;
    start();
    EXPECT_FALSE(push(2).get().durable);
    disk_.sync_error = 0;
    EXPECT_TRUE(push(3).get().durable);
    EXPECT_TRUE(journal_->wait_durable(4, std::chrono::seconds{60}));
    EXPECT_EQ(journal_->durable(), 5U);
    thread_->finish();
    EXPECT_EQ(journal_->admit(1), push_status::closed);
}

TEST_F(push_journal_disk, gives_the_memory_back_whether_a_flush_fails_or_not) {
    start();
    for (int const error : {EIO, 0}) {
        disk_.sync_error = error;
        EXPECT_EQ(push(1, memory_bytes).get().durable, error == 0);
        // It comes back a moment after the answer; without it this would never end.
        while (journal_->admit(memory_bytes) != push_status::pushed) {
            std::this_thread::yield();
        }
        journal_->release(memory_bytes);
    }
}

TEST_F(push_journal_disk, refuses_what_finds_no_segment) {
    disk_.create_error = ENOSPC;
    auto outcome = push(4);
    start();
    EXPECT_FALSE(outcome.get().durable);
    thread_->finish();
    ASSERT_EQ(reports_.size(), 1U);
    EXPECT_EQ(reports_[0].error, ENOSPC);
    EXPECT_EQ(reports_[0].records_lost, 4U);
}

// What is kept is for a database that goes back: a full disk takes no more of it than it needs.
TEST_F(push_journal_disk, gives_up_the_oldest_of_what_is_kept_until_a_write_succeeds) {
    keep_segments(6);
    EXPECT_FALSE(is_taken());
    EXPECT_EQ(disk_.files, 5);
    EXPECT_TRUE(is_taken());
    EXPECT_EQ(disk_.files, 6);
    disk_.files_max = 4; // others use the space
    EXPECT_FALSE(is_taken());
    EXPECT_EQ(disk_.files, 5);
}

TEST_F(push_journal_disk, lets_the_feeder_give_up_earlier_streams_before_its_own_segments) {
    keep_segments(6);
    journal_->earlier_stored(1000);
    EXPECT_FALSE(journal_->is_room_wanted());
    EXPECT_FALSE(is_taken());
    EXPECT_TRUE(journal_->is_room_wanted());
    EXPECT_FALSE(is_taken());
    EXPECT_EQ(disk_.files, 6);
    now_ += std::chrono::seconds{2}; // the feeder hangs
    EXPECT_FALSE(is_taken());
    EXPECT_EQ(disk_.files, 5);
    journal_->earlier_removed(1000);
    EXPECT_FALSE(journal_->is_room_wanted());
}

TEST_F(push_journal_disk, a_sender_that_waits_for_commit_hears_of_a_failed_flush) {
    disk_.sync_error = EIO;
    auto const waits = std::make_shared<ingest::commit_wait>();
    auto outcome = push(2, 10, waits);
    EXPECT_EQ(journal_->commit_waiters(), 1U);
    start();
    EXPECT_EQ(outcome.get(), block_outcome{});
    EXPECT_EQ(journal_->commit_waiters(), 0U);
}

TEST_F(push_journal_disk, a_sender_that_waits_for_commit_hears_of_it_and_not_of_the_flush) {
    auto const waits = std::make_shared<ingest::commit_wait>();
    auto outcome = push(2, 10, waits);
    start();
    ASSERT_TRUE(journal_->wait_durable(1, std::chrono::seconds{60}));
    thread_->finish();
    EXPECT_FALSE(is_answered(outcome));
    block_outcome const stored{.durable = true, .committed = 2};
    journal_->stored(0, stored);
    ASSERT_TRUE(is_answered(outcome));
    EXPECT_EQ(outcome.get(), stored);
}

TEST_F(push_journal_disk, give_up_waiting_answers_those_that_wait_for_commit) {
    auto const waits = std::make_shared<ingest::commit_wait>();
    auto outcome = push(2, 10, waits);
    start();
    thread_->finish();
    EXPECT_FALSE(is_answered(outcome));
    journal_->give_up_waiting();
    ASSERT_TRUE(is_answered(outcome));
    EXPECT_FALSE(outcome.get().durable);
    EXPECT_EQ(journal_->commit_waiters(), 0U);
}

TEST_F(push_journal_disk, one_sync_serves_all_pushes_that_came_during_the_previous_one) {
    std::promise<void> opened;
    disk_.gate = opened.get_future().share();
    start();
    auto first = push(1);
    disk_.sync_entered.get_future().wait();
    std::vector<std::future<block_outcome>> others;
    others.reserve(5);
    for (int i = 0; i < 5; ++i) {
        others.push_back(push(1));
    }
    EXPECT_FALSE(is_answered(first)); // not before its sync has ended
    opened.set_value();
    EXPECT_TRUE(first.get().durable);
    for (auto& other : others) {
        EXPECT_TRUE(other.get().durable);
    }
    thread_->finish();
    EXPECT_EQ(disk_.syncs, 2);
}

TEST_F(push_journal_disk, stays_full_until_an_eighth_of_its_space_is_free) {
    make({800, memory_bytes, 750});
    EXPECT_EQ(journal_->admit(51), push_status::full);
    EXPECT_TRUE(journal_->is_full());
    EXPECT_EQ(journal_->admit(1), push_status::full); // 751 of 800, but an eighth must be free
    journal_->earlier_stored(50);
    EXPECT_EQ(journal_->admit(1), push_status::full); // 701 of 700
    journal_->earlier_stored(1);
    EXPECT_EQ(journal_->admit(1), push_status::pushed); // 700 of 700
    EXPECT_FALSE(journal_->is_full());
    EXPECT_EQ(journal_->admit(100), push_status::pushed); // up to 800 again
    EXPECT_EQ(journal_->admit(1), push_status::full);
}

TEST_F(push_journal_disk, a_lack_of_memory_does_not_make_it_full) {
    ASSERT_EQ(journal_->admit(memory_bytes), push_status::pushed);
    EXPECT_EQ(journal_->admit(1), push_status::full);
    EXPECT_FALSE(journal_->is_full());
    journal_->release(memory_bytes);
    EXPECT_EQ(journal_->admit(1), push_status::pushed);
}

TEST_F(push_journal_disk, the_block_stays_with_the_caller_once_it_is_closed) {
    journal_->close();
    auto pushed = block(1);
    EXPECT_EQ(journal_->push(pushed), push_status::closed);
    EXPECT_NE(pushed, nullptr);
}

// A push that passes the first look while another thread closes the journal: its sender is answered
// at once.
TEST_F(push_journal_disk, answers_what_comes_between_its_close_and_its_end) {
    auto pushed = block(1);
    bool is_answered = false;
    pushed->on_done = [&](block_outcome const& outcome) { is_answered = !outcome.durable; };
    decide_ = [this](ingest::record_block&) { journal_->close(); };
    EXPECT_EQ(journal_->push(pushed), push_status::pushed);
    EXPECT_TRUE(is_answered);
    EXPECT_EQ(writer_->pending_bytes(), 0U);
    EXPECT_FALSE(journal_->await_push());
}

TEST_F(push_journal_disk, oldest_is_of_what_is_durable_and_not_stored) {
    EXPECT_EQ(journal_->oldest(), std::nullopt);
    auto outcome = push(2);
    EXPECT_EQ(journal_->oldest(), std::nullopt); // not durable yet
    start();
    EXPECT_TRUE(outcome.get().durable);
    EXPECT_NE(journal_->oldest(), std::nullopt);
    journal_->confirm_position(1);
    EXPECT_NE(journal_->oldest(), std::nullopt);
    journal_->confirm_position(2);
    EXPECT_EQ(journal_->oldest(), std::nullopt);
}

TEST_F(push_journal_disk, answers_each_of_many_senders_once) {
    constexpr int senders = 4;
    constexpr std::uint32_t pushes_each = 200;
    start();
    std::atomic<std::uint32_t> durable{0};
    std::vector<std::thread> threads;
    threads.reserve(senders);
    for (int sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&, sender] {
            for (std::uint32_t number = 0; number < pushes_each; ++number) {
                bool const has_timeout = sender == 0 && number % 2 == 0;
                auto waits = has_timeout ? std::make_shared<ingest::commit_wait>() : nullptr;
                auto outcome = push(1, 10, waits);
                waits.reset(); // the request times out
                durable += outcome.get().durable ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    thread_->finish();
    EXPECT_EQ(durable, senders * pushes_each);
    EXPECT_EQ(journal_->durable(), senders * pushes_each);
    EXPECT_EQ(journal_->commit_waiters(), 0U);
}

} // namespace
} // namespace tally::daemon
