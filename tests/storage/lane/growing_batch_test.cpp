#include "tests/storage/lane/lane_fixture.hpp"

#include <span>
#include <thread>

// Batches whose calls are written while they still grow, with a real server.

namespace tally::storage {
namespace {

using ahead = lane_writer::ahead;

class growing_batch_test : public lane_writer_test {
  protected:
    /// Writes the first `count` entries ahead.
    ahead write(test_lane& target, std::vector<batch_entry>& entries, std::size_t count) {
        return target.writer().write_ahead(std::span{entries}.first(count), {});
    }
    void expect_stored(test_lane& target, std::vector<batch_entry>& entries) {
        EXPECT_EQ(target.writer().store(entries, {}, 100), store_end::stored);
        EXPECT_EQ(target.writer().entries_ahead(), 0U);
    }
    /// As often as there are calls, and all sums: the whole batch, once.
    void expect_calls(char const* count) const {
        EXPECT_EQ(one("SELECT count(*) FROM cdrs"), count);
        EXPECT_EQ(one("SELECT sum(calls_count) FROM subscription_usage"), count);
        auto const sums = four_sums(connection_);
        EXPECT_THAT(sums, ::testing::Each(sums.front()));
    }
};

TEST_F(growing_batch_test, is_one_transaction_of_several_pieces) {
    std::vector<ingest::cdr> const calls{
        make_.call(1, 1, "4420", 70), make_.call(2, 1, "9198", 500), make_.call(3, 2, "1212", 60),
        make_.call(4, 1, "9198", 200), make_.call(5, 3, "9198", 10)};
    test_lane a{connection_};
    auto entries = a.entries_of(calls);

    EXPECT_EQ(write(a, entries, 2), ahead::written);
    EXPECT_EQ(write(a, entries, 4), ahead::written);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "0"); // not before COMMIT
    EXPECT_EQ(write(a, entries, 5), ahead::written);
    expect_stored(a, entries);

    // The allowance of 600 s goes through all pieces: 500 + 100 s of 200; 100 s at 0.30.
    expect_calls("5");
    EXPECT_EQ(one("SELECT string_agg(included_seconds_used || '/' || calls_count, ' '"
                  " ORDER BY calls_count DESC, included_seconds_used) FROM subscription_usage"),
              "600/3 0/1 10/1");
    EXPECT_EQ(one("SELECT committed || ' ' || (cost = (SELECT sum(cost) FROM cdrs)) || ' ' ||"
                  " (first_start_time = (SELECT min(start_time) FROM cdrs)) FROM batches"),
              "5 true true");
    EXPECT_EQ(one("SELECT count(DISTINCT batch_id) FROM cdrs"), "1");
    EXPECT_EQ(a.batches(), 1);
    EXPECT_TRUE(a.retries().empty());
}

TEST_F(growing_batch_test, keeps_repeats_conflicts_and_what_has_no_price_out) {
    std::vector<ingest::cdr> const calls{
        make_.call(1, 1, "4420", 60), make_.call(2, 1, "4420", 60),
        make_.call(1, 1, "4420", 60),  // a repeat of the piece before
        make_.call(2, 1, "4420", 90),  // in conflict with it
        make_.call(3, 9, "4420", 60)}; // without a payer
    test_lane a{connection_};
    auto entries = a.entries_of(calls);

    EXPECT_EQ(write(a, entries, 2), ahead::written);
    EXPECT_EQ(write(a, entries, 5), ahead::written);
    expect_stored(a, entries);

    expect_calls("2");
    EXPECT_EQ(entries[2].state, entry_state::duplicate);
    EXPECT_EQ(entries[3].reason, record_error::conflict);
    EXPECT_EQ(one("SELECT string_agg(reason, ' ' ORDER BY reason) FROM suspense"),
              "conflict unknown_account");
    EXPECT_EQ(one("SELECT received || ' ' || committed || ' ' || duplicate || ' ' || suspended"
                  " FROM batches"),
              "5 2 1 2");
}

TEST_F(growing_batch_test, stores_all_again_after_a_piece_met_a_stored_call) {
    test_lane a{connection_};
    a.store({make_.call(3, 2, "1212", 60)});
    test_lane b{connection_}; // does not remember it
    std::vector<ingest::cdr> const calls{
        make_.call(1, 1, "9198", 400), make_.call(2, 1, "9198", 300), make_.call(3, 2, "1212", 60)};
    auto entries = b.entries_of(calls);

    EXPECT_EQ(write(b, entries, 2), ahead::written);
    EXPECT_EQ(write(b, entries, 3), ahead::failed);
    EXPECT_EQ(b.writer().entries_ahead(), 0U);
    expect_stored(b, entries);

    expect_calls("3");
    EXPECT_EQ(entries[2].state, entry_state::duplicate);
    EXPECT_EQ(one("SELECT max(included_seconds_used) FROM subscription_usage"), "600");
    EXPECT_EQ(b.retries_of("duplicate"), 1);
}

TEST_F(growing_batch_test, stores_all_again_after_another_session_changed_a_row) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "9198", 300)});
    std::vector<ingest::cdr> const calls{make_.call(3, 1, "9198", 200),
                                         make_.call(4, 2, "9198", 10)};
    auto entries = a.entries_of(calls);
    EXPECT_EQ(write(a, entries, 1), ahead::written);

    // An open batch locks no counter: the other session does not wait.
    test_lane b{connection_};
    b.store({make_.call(2, 1, "9198", 200)});

    EXPECT_EQ(write(a, entries, 2), ahead::written);
    expect_stored(a, entries);
    EXPECT_EQ(a.retries_of("stale"), 1);
    expect_calls("4");
    EXPECT_EQ(one("SELECT max(included_seconds_used) || '/' || max(seconds_used)"
                  " FROM subscription_usage"),
              "600/700");
    expect_sums("0.500000000"); // 100 s at 0.30

    // The next batches go the usual way, since the other session will probably go on.
    std::vector<ingest::cdr> const next{make_.call(5, 1, "9198", 10)};
    auto more = a.entries_of(next);
    EXPECT_EQ(write(a, more, 1), ahead::not_now);
}

TEST_F(growing_batch_test, stores_all_again_after_the_session_was_lost) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "9198", 60),
                                         make_.call(2, 2, "9198", 60)};
    test_lane a{connection_};
    auto entries = a.entries_of(calls);
    EXPECT_EQ(write(a, entries, 1), ahead::written);

    one("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'test lane'");
    EXPECT_EQ(write(a, entries, 2), ahead::failed);
    expect_stored(a, entries);
    expect_calls("2");
}

// Each waits for a call that the other has written: PostgreSQL ends one of them.
TEST_F(growing_batch_test, stores_all_again_after_a_deadlock_with_another_of_the_same_calls) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "9198", 60),
                                         make_.call(2, 2, "9198", 60)};
    std::vector<ingest::cdr> const crosswise{calls[1], calls[0]};
    test_lane a{connection_};
    test_lane b{connection_};
    auto entries_a = a.entries_of(calls);
    auto entries_b = b.entries_of(crosswise);
    EXPECT_EQ(write(a, entries_a, 1), ahead::written);
    EXPECT_EQ(write(b, entries_b, 1), ahead::written);

    // The one that goes on ends its batch, and the other one finds all of its calls stored.
    auto const finish = [this](test_lane& one, std::vector<batch_entry>& entries) {
        static_cast<void>(write(one, entries, 2));
        EXPECT_EQ(one.writer().store(entries, {}, 0), store_end::stored);
    };
    std::jthread beside{[&] { finish(a, entries_a); }};
    finish(b, entries_b);
    beside.join();
    expect_calls("2");
    EXPECT_GE(a.retries_of("transient") + b.retries_of("transient"), 1);
    EXPECT_EQ(one("SELECT sum(duplicate) FROM batches"), "2");
}

TEST_F(growing_batch_test, ends_before_a_day_whose_partition_is_not_there) {
    std::vector<ingest::cdr> calls{make_.call(1, 1, "9198", 60), make_.call(2, 2, "9198", 60)};
    constexpr std::int64_t day_us = 86'400'000'000;
    for (auto* time : {&calls[1].start, &calls[1].answer, &calls[1].end}) {
        *time -= 40 * day_us;
    }
    test_lane a{connection_};
    auto entries = a.entries_of(calls);

    EXPECT_EQ(write(a, entries, 1), ahead::written);
    EXPECT_EQ(write(a, entries, 2), ahead::not_now);
    EXPECT_EQ(a.writer().entries_ahead(), 1U);
    auto rest = std::span{entries};
    EXPECT_EQ(a.writer().store(rest.first(1), {}, 0), store_end::stored);
    EXPECT_EQ(a.writer().store(rest.subspan(1), {}, 0), store_end::stored);
    expect_calls("2");
}

TEST_F(growing_batch_test, leaves_nothing_when_it_is_given_up) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "9198", 60)};
    test_lane a{connection_};
    auto entries = a.entries_of(calls);
    EXPECT_EQ(write(a, entries, 1), ahead::written);
    a.writer().forget_ahead();
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "0");

    expect_stored(a, entries); // the session goes on
    expect_calls("1");
}

TEST_F(growing_batch_test, names_no_entry_when_the_counters_are_refused) {
    execute(connection_, "ALTER TABLE billing.subscription_usage ADD CONSTRAINT few"
                         " CHECK (calls_count < 2)");
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "9198", 60),
                                         make_.call(2, 1, "9198", 60)};
    test_lane a{connection_};
    auto entries = a.entries_of(calls);
    EXPECT_EQ(write(a, entries, 2), ahead::written);

    EXPECT_EQ(a.writer().store(entries, {}, 0), store_end::poisoned);
    EXPECT_EQ(a.writer().culprit(), nullptr);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "0");
}

} // namespace
} // namespace tally::storage
