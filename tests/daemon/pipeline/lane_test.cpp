#include "daemon/pipeline/lane_thread.hpp"
#include "ingest/formats/formats.hpp"
#include "storage/batch/batch_writer.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/catalog_of.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>

// One lane with a real database: when it has to give up.

namespace tally::daemon {
namespace {

using tally::tests::query_one;
using tests::silent_observer;

class lane_test : public ::testing::Test {
  protected:
    lane_test() {
        connection_ = tally::tests::private_postgres::shared().migrated_database();
        tally::tests::make_telecom(connection_, 1);
        source_->id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
        catalog_ = tally::tests::catalog_of(connection_);
    }
    void start_lane(std::string const& connection) {
        lane_.emplace(lane_options{.daemon_id = ingest::uuid_v7(), .import_id = {}},
                      std::make_unique<storage::batch_writer>(connection, "test lane"), observer_,
                      failures_);
        thread_.emplace(*lane_);
    }
    /// Pushes record `number` of a stream; true if it became durable.
    std::future<bool> push(int number) {
        auto block = std::make_unique<ingest::record_block>();
        block->sender = source_;
        block->in_format = ingest::find_format("canonical");
        block->batch.set_body(tally::tests::call_json{number}.text());
        block->in_format->decode({*source_, {}, {}}, block->batch);
        block->stream_begin = static_cast<std::uint64_t>(number);
        block->stream_end = block->stream_begin + 1;
        auto told = std::make_shared<std::promise<bool>>();
        block->on_done = [told](auto const& outcome) { told->set_value(outcome.durable); };
        slice share{
            std::make_shared<routed_block>(std::move(block), catalog_, 1, [](std::size_t) {}), 0};
        if (!lane_->push(std::move(share))) {
            share.give_up();
        }
        return told->get_future();
    }
    [[nodiscard]] std::string stored() const {
        return query_one(connection_, "SELECT count(*) FROM cdrs");
    }

    std::string connection_;
    silent_observer observer_;
    failure_report failures_;
    std::shared_ptr<ingest::source> source_ = std::make_shared<ingest::source>();
    std::shared_ptr<rating::catalog const> catalog_;
    std::optional<lane> lane_;
    std::optional<lane_thread> thread_;
};

TEST_F(lane_test, stores_nothing_after_it_gave_a_record_up) {
    start_lane(connection_);
    ASSERT_TRUE(push(0).get());
    // A table that is missing fails the next attempt with an error for which the lane waits.
    tally::tests::execute(connection_, "ALTER TABLE billing.subscription_usage RENAME TO away");
    auto given_up = push(1);
    EXPECT_EQ(given_up.wait_for(std::chrono::milliseconds{200}), std::future_status::timeout);
    lane_->give_up();
    EXPECT_FALSE(given_up.get());
    tally::tests::execute(connection_, "ALTER TABLE billing.away RENAME TO subscription_usage");
    EXPECT_FALSE(push(2).get());
    EXPECT_EQ(stored(), "1");
}

TEST_F(lane_test, takes_nothing_after_it_gave_up) {
    start_lane("host=/nonexistent dbname=none");
    auto given_up = push(0);
    lane_->give_up();
    EXPECT_FALSE(given_up.get());
    EXPECT_FALSE(push(1).get());
    EXPECT_FALSE(failures_.has_failed());
}

} // namespace
} // namespace tally::daemon
