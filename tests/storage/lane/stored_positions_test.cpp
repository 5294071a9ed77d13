#include "storage/lane/stored_positions.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <vector>

// The positions of streams and the payers decided for them, with a real server.

namespace tally::storage {
namespace {

using tests::execute;
using tests::query_one;

class stored_positions_test : public ::testing::Test {
  protected:
    /// Expects a move to succeed; what was found.
    position_found move(std::uint64_t committed, std::uint64_t next,
                        std::vector<ingest::uuid> const& batches = {}) {
        position_found found{999, 999};
        auto const status = positions_.move({"file", committed, next, batches}, found);
        EXPECT_TRUE(status.ok()) << status.detail;
        return found;
    }
    std::uint64_t position(std::string_view stream = "file") {
        auto const found = positions_.load(stream);
        EXPECT_TRUE(found.ok()) << found.status().detail;
        return found.ok() ? *found : 999;
    }
    ingest::uuid add_batch() const {
        return *ingest::parse_uuid(query_one(
            connection_, "INSERT INTO ingest.batches (id, daemon_id, lane, received, committed,"
                         " duplicate, suspended, bytes, cost, opened_at, created_at)"
                         " SELECT id, id, 0, 0, 0, 0, 0, 0, 0, now(), now()"
                         " FROM public.uuid_v7() AS id RETURNING id"));
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    stored_positions positions_{connection_, "test positions"};
};

TEST_F(stored_positions_test, begin_at_zero_and_move_from_what_is_committed) {
    EXPECT_EQ(position(), 0U);
    EXPECT_EQ(move(0, 0).found, 0U);
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM ingest.positions"), "0");
    EXPECT_EQ(move(0, 5).found, 5U);
    EXPECT_EQ(move(5, 9).found, 9U);
    EXPECT_EQ(move(9, 9).found, 9U);
    EXPECT_EQ(position(), 9U);
    EXPECT_EQ(position("another"), 0U);
}

TEST_F(stored_positions_test, stay_when_another_position_is_there) {
    move(0, 5);
    EXPECT_EQ(move(3, 8).found, 5U);
    EXPECT_TRUE(move(7, 8).has_lost(7));
    EXPECT_EQ(position(), 5U);
    execute(connection_, "DELETE FROM ingest.positions");
    auto const gone = move(5, 8);
    EXPECT_TRUE(gone.has_lost(5));
    EXPECT_EQ(position(), 0U) << "a stream that has begun does not begin again by a move";
}

TEST_F(stored_positions_test, stay_while_a_batch_is_missing) {
    auto const there = add_batch();
    EXPECT_EQ(move(0, 5, {there}).batches_lost, 0U);
    auto const found = move(5, 9, {there, ingest::uuid_v7()});
    EXPECT_EQ(found.batches_lost, 1U);
    EXPECT_EQ(found.found, 5U);
    EXPECT_TRUE(found.has_lost(5));
    EXPECT_EQ(move(5, 5, {ingest::uuid_v7()}).batches_lost, 1U) << "a check alone notices it, too";
    EXPECT_EQ(move(5, 9, {there}).found, 9U);
}

TEST_F(stored_positions_test, keep_the_first_decision_until_the_position_has_passed_it) {
    std::string const bytes{"\0\xff", 2};
    std::vector<decided_range> decided{{0, 4, bytes}, {4, 8, "b"}};
    ASSERT_TRUE(positions_.keep_decisions("file", decided, {ingest::uuid_v7(), {}}).ok());
    decided = {{4, 8, "later"}, {8, 9, "c"}};
    ASSERT_TRUE(positions_.keep_decisions("file", decided, {ingest::uuid_v7(), {}}).ok());

    std::vector<decided_range> found;
    ASSERT_TRUE(positions_.load_decisions("file", 0, found).ok());
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].payers, bytes);
    EXPECT_EQ(found[1].payers, "b");
    EXPECT_EQ(found[2].first_record, 8U);
    ASSERT_TRUE(positions_.load_decisions("file", 4, found).ok());
    EXPECT_EQ(found.size(), 2U);

    move(0, 7);
    ASSERT_TRUE(positions_.load_decisions("file", 0, found).ok());
    ASSERT_EQ(found.size(), 2U) << "record 7 is not stored";
    EXPECT_EQ(found[0].first_record, 4U);
}

TEST_F(stored_positions_test, keep_decisions_only_where_those_before_are) {
    std::vector<decided_range> const decided{{0, 4, "a"}};
    auto const first = ingest::uuid_v7();
    ASSERT_TRUE(positions_.keep_decisions("file", decided, {first, {}}).ok());
    std::vector<decided_range> const longer{{0, 6, "b"}};
    auto const lost = positions_.keep_decisions("file", longer, {ingest::uuid_v7(), first});
    EXPECT_TRUE(lost.ok()) << lost.detail;

    // A database that went back has neither the batch before nor takes anything on top of it.
    std::vector<decided_range> const more{{6, 7, "c"}};
    EXPECT_EQ(
        positions_.keep_decisions("file", more, {ingest::uuid_v7(), ingest::uuid_v7()}).reason,
        failure::lost);
    std::vector<decided_range> found;
    ASSERT_TRUE(positions_.load_decisions("file", 0, found).ok());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].end_record, 6U) << "a longer range takes the place of a shorter one";
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM ingest.batches WHERE lane = -1"), "2");
}

TEST_F(stored_positions_test, go_with_their_decisions_when_a_stream_has_ended) {
    move(0, 5);
    ASSERT_TRUE(positions_
                    .keep_decisions("file", std::vector<decided_range>{{6, 7, "x"}},
                                    {ingest::uuid_v7(), {}})
                    .ok());
    ASSERT_TRUE(positions_.forget("file").ok());
    EXPECT_EQ(query_one(connection_, "SELECT (SELECT count(*) FROM ingest.positions)"
                                     " + (SELECT count(*) FROM ingest.payer_decisions)"),
              "0");
}

TEST_F(stored_positions_test, say_whether_streams_that_have_ended_are_stored_to_their_end) {
    move(0, 5);
    using ends = std::vector<stream_end>;
    auto const has = [this](ends const& wanted) {
        auto const found = positions_.has_ends(wanted);
        EXPECT_TRUE(found.ok()) << found.status().detail;
        return found.ok() && *found;
    };
    EXPECT_TRUE(has({}));
    EXPECT_TRUE(has({{"file", 5}, {"file", 4}, {"other", 0}}));
    EXPECT_FALSE(has({{"file", 5}, {"file", 6}}));
    EXPECT_FALSE(has({{"file", 5}, {"other", 1}})) << "a position that is gone";
}

TEST_F(stored_positions_test, report_a_database_that_is_away) {
    stored_positions away{"host=/nonexistent dbname=none", "test positions"};
    EXPECT_EQ(away.load("file").status().reason, failure::transient);
    position_found moved;
    EXPECT_EQ(away.move({"file", 0, 1, {}}, moved).reason, failure::transient);
    positions_.cancel();
    EXPECT_FALSE(positions_.load("file").ok());
}

} // namespace
} // namespace tally::storage
