#include "daemon/pipeline/pipeline.hpp"

#include "ingest/formats/formats.hpp"
#include "storage/postgres/sql_session.hpp"
#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/catalog_of.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

// Blocks through guiding and lanes into a real database, without sockets.

namespace tally::daemon {
namespace {

using ingest::push_status;
using tally::tests::query_one;
using tests::silent_observer;

class pipeline_test : public ::testing::Test {
  protected:
    pipeline_test() {
        connection_ = tally::tests::private_postgres::shared().migrated_database();
        tally::tests::make_telecom(connection_, 6);
        source_->id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
    }
    std::unique_ptr<pipeline> started_pipeline(std::int64_t bytes_max = 1 << 20,
                                               std::uint32_t lanes = 2) {
        auto made = std::make_unique<pipeline>(
            pipeline_options{.lanes = lanes, .memory_bytes_max = bytes_max, .import_id = {}},
            lane_connections(connection_, {}), observer_, failures_);
        made->set_catalog(tally::tests::catalog_of(connection_));
        made->start();
        return made;
    }
    static std::string records(int first, int count) {
        std::string text;
        for (int i = first; i < first + count; ++i) {
            text += tally::tests::call_json{"call-" + std::to_string(i)}.account(1 + i % 6).line();
        }
        return text;
    }
    std::unique_ptr<ingest::record_block> block_of(std::string const& text) {
        auto block = std::make_unique<ingest::record_block>();
        block->sender = source_;
        block->in_format = ingest::find_format("canonical");
        block->batch.set_body(text);
        block->in_format->decode({*source_, {}, {}}, block->batch);
        return block;
    }
    ingest::block_outcome push(pipeline& sink, std::unique_ptr<ingest::record_block> block) {
        std::promise<ingest::block_outcome> told;
        block->on_done = [&told](auto const& outcome) { told.set_value(outcome); };
        EXPECT_EQ(sink.push(block), push_status::pushed);
        return told.get_future().get();
    }

    std::string connection_;
    silent_observer observer_;
    failure_report failures_;
    std::shared_ptr<ingest::source> source_ = std::make_shared<ingest::source>();
};

TEST_F(pipeline_test, tells_a_block_what_became_of_its_records) {
    auto const lanes = started_pipeline();
    auto const first = push(*lanes, block_of(records(0, 20)));
    auto const second = push(*lanes, block_of(records(10, 20)));

    EXPECT_EQ(first, (ingest::block_outcome{true, 20, 0, 0}));
    EXPECT_EQ(second, (ingest::block_outcome{true, 10, 10, 0}));
    EXPECT_THAT(tally::tests::four_sums(connection_), ::testing::Each("51.000000000"));
}

// The last batch of each lane that stored something: what a position rests on.
TEST_F(pipeline_test, names_the_last_batches_until_it_is_to_forget_them) {
    auto const lanes = started_pipeline();
    EXPECT_TRUE(lanes->last_batches().empty());
    push(*lanes, block_of(records(0, 20)));
    push(*lanes, block_of(records(0, 20)));
    auto const batches = lanes->last_batches();
    EXPECT_EQ(batches.size(), 2U);
    for (auto const& id : batches) {
        EXPECT_EQ(query_one(connection_, "SELECT duplicate > 0 FROM batches WHERE id = '" +
                                             ingest::to_string(id) + "'"),
                  "t");
    }
    lanes->forget_last_batches();
    EXPECT_TRUE(lanes->last_batches().empty());
}

TEST_F(pipeline_test, an_empty_block_is_done_at_once) {
    EXPECT_EQ(push(*started_pipeline(), block_of("")), (ingest::block_outcome{true, 0, 0, 0}));
}

// Pushes of one record while PostgreSQL hangs: their number is bounded only by their
// bytes, and none of them may be missing below a position.
TEST_F(pipeline_test, takes_all_that_fits_its_memory_however_small_the_blocks_are) {
    constexpr int blocks = 70'000;
    auto const sink = started_pipeline(std::int64_t{128} << 20, 1);
    storage::sql_session held{connection_, "test"};
    held.execute("BEGIN; LOCK billing.subscription_usage IN EXCLUSIVE MODE");
    std::atomic<int> durable{0};
    std::atomic<int> lost{0};
    for (int i = 0; i < blocks; ++i) {
        // The smallest possible block: it owns no text.
        auto block = block_of(tally::tests::call_json{i}.account(1 + i % 6).line());
        block->stream_begin = static_cast<std::uint64_t>(i);
        block->stream_end = static_cast<std::uint64_t>(i) + 1;
        block->admitted_bytes = block->memory_bytes();
        block->on_done = [&](auto const& outcome) { ++(outcome.durable ? durable : lost); };
        ASSERT_EQ(sink->admit(block->admitted_bytes), push_status::pushed) << i;
        ASSERT_EQ(sink->push(block), push_status::pushed);
    }
    EXPECT_EQ(lost, 0);
    held.execute("ROLLBACK");
    EXPECT_TRUE(sink->drain(std::chrono::seconds{120}));
    EXPECT_EQ(durable, blocks);
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM cdrs"), std::to_string(blocks));
}

TEST_F(pipeline_test, grants_no_more_than_its_memory) {
    auto const sink = started_pipeline(1000);
    EXPECT_EQ(sink->admit(600), push_status::pushed);
    EXPECT_EQ(sink->admit(600), push_status::full);
    sink->release(600);
    EXPECT_EQ(sink->admit(600), push_status::pushed);
    sink->release(600);
}

TEST_F(pipeline_test, grants_nothing_before_there_is_a_catalog) {
    pipeline sink{pipeline_options{.import_id = {}}, lane_connections(connection_, {}), observer_,
                  failures_};
    EXPECT_EQ(sink.admit(1), push_status::full);
}

TEST_F(pipeline_test, takes_nothing_once_it_drains) {
    auto const sink = started_pipeline();
    EXPECT_TRUE(sink->drain(std::chrono::seconds{5}));
    EXPECT_EQ(sink->admit(1), push_status::closed);
    auto block = block_of(records(0, 1));
    EXPECT_EQ(sink->push(block), push_status::closed);
    EXPECT_NE(block, nullptr);
}

TEST_F(pipeline_test, gives_up_what_an_absent_database_holds_up_and_says_so) {
    std::promise<ingest::block_outcome> told;
    auto block = block_of(records(0, 5));
    block->on_done = [&told](auto const& outcome) { told.set_value(outcome); };
    {
        pipeline other{pipeline_options{.import_id = {}},
                       lane_connections("host=/nonexistent dbname=none", {}), observer_, failures_};
        other.set_catalog(tally::tests::catalog_of(connection_));
        other.start();
        EXPECT_EQ(other.push(block), push_status::pushed);
        EXPECT_FALSE(other.drain(std::chrono::milliseconds{100}));
    }
    EXPECT_FALSE(told.get_future().get().durable);
}

} // namespace
} // namespace tally::daemon
