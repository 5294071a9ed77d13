#include "daemon/journal/push_journal_thread.hpp"

#include "ingest/push/handler.hpp"
#include "tests/support/call_json.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

// push_journal alone: real files, no database.

namespace tally::daemon {
namespace {

namespace fs = std::filesystem;

class counting final : public ingest::push_observer {
  public:
    std::atomic<std::uint32_t> accepted{0};
    std::atomic<std::uint32_t> notified{0};

  private:
    void counted(ingest::push_counts const& counts) noexcept override {
        accepted += counts.accepted;
    }
    void acknowledged(double) noexcept override { ++notified; }
};

std::string const call = tests::call_json{1}.text();

class push_journal_test : public testing::Test {
  protected:
    push_journal_test() {
        std::string folder = (fs::temp_directory_path() / "tallyd-push-journal-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
        writer_ = std::make_unique<ingest::journal_writer>(
            ingest::journal_writer::options{folder_, ingest::uuid_v7(), 1 << 20},
            ingest::real_disk());
        journal_ = std::make_unique<push_journal>(
            push_journal_options{1 << 26, 1 << 24, 0}, *writer_, [this] { return sources_; },
            [](ingest::record_block&) {}, [](journal_report const&) {});
        handler_ =
            std::make_unique<ingest::push_handler>(*journal_, observer_, ingest::push_settings{});
        journal_->open();
    }
    ~push_journal_test() override { fs::remove_all(folder_); }

    void start() { thread_ = std::make_unique<push_journal_thread>(*journal_, failures_); }

    /// A push whose body is complete; the status of the response goes to `status_`.
    std::unique_ptr<ingest::http_exchange> push(std::string_view query) {
        ingest::http_head head;
        head.method = "POST";
        head.path = "/v1/cdrs";
        head.query = query;
        head.from_loopback = true;
        auto step = handler_->begin(head);
        auto exchange = std::get<std::unique_ptr<ingest::http_exchange>>(std::move(step));
        EXPECT_FALSE(exchange->admit(call.size()));
        exchange->finish(
            call, [this](ingest::http_response const& response) { status_ = response.status; });
        return exchange;
    }
    bool durable(std::uint64_t record) {
        return journal_->wait_durable(record, std::chrono::seconds{20});
    }

    fs::path folder_;
    counting observer_;
    std::shared_ptr<ingest::source_table const> sources_ =
        std::make_shared<ingest::source_table>(std::vector<ingest::source>(1));
    std::unique_ptr<ingest::journal_writer> writer_;
    std::unique_ptr<push_journal> journal_;
    failure_report failures_;
    std::unique_ptr<push_journal_thread> thread_;
    std::unique_ptr<ingest::push_handler> handler_;
    std::atomic<unsigned> status_{0};
};

TEST_F(push_journal_test, tells_who_waits_for_commit) {
    start();
    auto const exchange = push("ack=commit");
    EXPECT_EQ(journal_->commit_waiters(), 1U);
    ASSERT_TRUE(durable(0));
    EXPECT_EQ(status_, 0U);
    journal_->stored(0, {.durable = true, .committed = 1});
    EXPECT_EQ(status_, 200U);
    EXPECT_EQ(journal_->commit_waiters(), 0U);
    EXPECT_EQ(observer_.accepted, 1U);
    EXPECT_EQ(observer_.notified, 1U);
}

TEST_F(push_journal_test, forgets_who_goes_before_and_counts_what_it_sent) {
    start();
    for (std::uint64_t number = 0; number < 50; ++number) {
        auto exchange = push("ack=commit");
        ASSERT_TRUE(durable(number));
        exchange.reset(); // the request times out
        EXPECT_EQ(journal_->commit_waiters(), 0U);
    }
    EXPECT_EQ(observer_.accepted, 50U);
    journal_->stored(0, {.durable = true, .committed = 1}); // no sender waits any longer
    EXPECT_EQ(status_, 0U);
    EXPECT_EQ(observer_.accepted, 50U);
    EXPECT_EQ(observer_.notified, 0U);
}

TEST_F(push_journal_test, counts_what_was_not_durable_yet_once_it_is) {
    for (int i = 0; i < 3; ++i) {
        push("ack=commit").reset();
    }
    EXPECT_EQ(observer_.accepted, 0U);
    start();
    thread_->finish(); // everything is on disk
    EXPECT_EQ(journal_->commit_waiters(), 0U);
    EXPECT_EQ(observer_.accepted, 3U);
    EXPECT_EQ(observer_.notified, 0U);
}

} // namespace
} // namespace tally::daemon
