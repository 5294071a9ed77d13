#include "tests/storage/lane/lane_fixture.hpp"
#include "tests/support/catalog_of.hpp"

// The outcome of records in one lane, with a real server.

namespace tally::storage {
namespace {

TEST_F(lane_writer_test, stores_rated_calls_with_usage_balances_and_aggregates) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 70), make_.call(2, 1, "9198", 30),
             make_.call(3, 2, "1212", 60), make_.call(4, 2, "1212", 0)});

    // 60 + 12 s at 1.20 per minute plus the fee of 0.50; from the allowance; 0.60; unanswered
    EXPECT_EQ(tests::query_rows(connection_,
                                "SELECT destination, billed_seconds, allowance_seconds, cost, "
                                "processing_status, matched_prefix FROM cdrs ORDER BY uuid"),
              (std::vector<std::string>{
                  "4420|72|0|1.940000000|rated|44", "9198|30|30|0.000000000|rated|91",
                  "1212|60|0|0.600000000|rated|", "1212|0|0|0.000000000|zero_rated|"}));
    expect_sums("2.540000000");
    EXPECT_EQ(one("SELECT string_agg(seconds_used || '/' || included_seconds_used || '/' || "
                  "calls_count, ' ' ORDER BY seconds_used) FROM subscription_usage"),
              "60/0/2 102/30/2");
    EXPECT_EQ(one("SELECT committed FROM batches"), "4");
}

TEST_F(lane_writer_test, drops_the_same_call_within_a_batch_and_suspends_a_conflicting_one) {
    test_lane a{connection_};
    auto const entries = a.store(
        {make_.call(1, 1, "4420", 60), make_.call(1, 1, "4420", 60), make_.call(1, 1, "4420", 90)});

    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(entries[1].state, entry_state::duplicate);
    EXPECT_EQ(entries[2].state, entry_state::suspended);
    EXPECT_EQ(one("SELECT reason FROM suspense"), "conflict");
    expect_sums("1.700000000");
}

TEST_F(lane_writer_test, a_repeated_batch_changes_nothing_whoever_repeats_it) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60), make_.call(2, 2, "9198", 60),
                                         make_.call(3, 9, "9198", 60)};
    test_lane a{connection_};
    a.store(calls);
    auto const sums = four_sums(connection_);
    auto const usage = one("SELECT sum(version) FROM subscription_usage");

    a.store(calls); // the lane remembers the keys
    test_lane b{connection_};
    auto const again = b.store(calls); // only the unique index has them

    EXPECT_EQ(again[0].state, entry_state::duplicate);
    EXPECT_EQ(again[1].state, entry_state::duplicate);
    EXPECT_EQ(b.retries_of("duplicate"), 1);
    EXPECT_EQ(four_sums(connection_), sums);
    EXPECT_EQ(one("SELECT sum(version) FROM subscription_usage"), usage);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "1");
}

TEST_F(lane_writer_test, rates_the_rest_again_when_a_part_is_stored_already) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "9198", 500)}); // of 600 included seconds
    test_lane b{connection_};

    // As a whole batch 500 + 90 would leave 10 s; without the duplicate 90 of 100 are left.
    auto const entries = b.store({make_.call(1, 1, "9198", 500), make_.call(2, 1, "9198", 90),
                                  make_.call(3, 1, "9198", 20)});

    EXPECT_EQ(entries[0].state, entry_state::duplicate);
    EXPECT_EQ(one("SELECT sum(allowance_seconds) FROM cdrs"), "600");
    EXPECT_EQ(one("SELECT included_seconds_used FROM subscription_usage"), "600");
    expect_sums("0.050000000"); // 10 s at 0.30 a minute
}

TEST_F(lane_writer_test, a_stale_allowance_is_read_again) {
    test_lane a{connection_};
    test_lane b{connection_};
    a.store({make_.call(1, 1, "9198", 300)});
    b.store({make_.call(2, 1, "9198", 200)});
    a.store({make_.call(3, 1, "9198", 200)}); // remembers 300 used seconds

    EXPECT_EQ(a.retries_of("stale"), 1);
    EXPECT_EQ(one("SELECT included_seconds_used || '/' || seconds_used FROM subscription_usage"),
              "600/700");
    expect_sums("0.500000000"); // 100 s at 0.30
}

TEST_F(lane_writer_test, a_full_memory_gives_no_allowance_twice) {
    test_lane a{connection_, 0, 3};
    a.store({make_.call(1, 1, "9198", 500), make_.call(2, 2, "9198", 500)});
    a.store({make_.call(3, 1, "9198", 50), make_.call(4, 2, "9198", 50),
             make_.call(5, 3, "9198", 50)}); // one more than the cache holds
    a.store({make_.call(6, 1, "9198", 100), make_.call(7, 2, "9198", 100),
             make_.call(8, 3, "9198", 550)});

    EXPECT_EQ(one("SELECT string_agg(included_seconds_used || '/' || seconds_used, ' ' ORDER BY"
                  " seconds_used) FROM subscription_usage"),
              "600/600 600/650 600/650");
    expect_sums("0.500000000"); // twice 50 s at 0.30 a minute
}

TEST_F(lane_writer_test, a_batch_may_be_larger_than_the_memory) {
    test_lane a{connection_, 0, 1};
    std::uint32_t number = 0;
    for (int round = 0; round < 3; ++round) {
        std::vector<ingest::cdr> calls;
        for (int account = 1; account <= 3; ++account) {
            calls.push_back(make_.call(number++, account, "9198", 250));
        }
        a.store(calls);
    }

    EXPECT_EQ(one("SELECT string_agg(included_seconds_used || '/' || seconds_used, ' ')"
                  " FROM subscription_usage"),
              "600/750 600/750 600/750");
    EXPECT_EQ(a.retries().size(), 0U);
}

TEST_F(lane_writer_test, a_conflict_with_a_stored_call_goes_to_suspense) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 60)});
    test_lane b{connection_};
    auto other = make_.call(1, 1, "4420", 61);
    other.raw = "the other one";
    auto const entries = b.store({other});

    EXPECT_EQ(entries[0].state, entry_state::suspended);
    EXPECT_EQ(one("SELECT reason || ' ' || convert_from(payload, 'UTF8') FROM suspense"),
              "conflict the other one");
    expect_sums("1.700000000");
}

TEST_F(lane_writer_test, records_nobody_pays_for_wait_in_suspense_with_their_bytes) {
    test_lane a{connection_};
    auto nobody = make_.call(1, 77, "4420", 60);
    a.store({nobody, make_.call(2, 1, "4420", 60)});

    EXPECT_EQ(one("SELECT reason || ' ' || convert_from(payload, 'UTF8') || ' ' || state "
                  "FROM suspense"),
              "unknown_account raw of call 1 waiting");
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "1");
}

// Two lanes retry one suspended record, one of them with a catalog in which its number has moved.
// By their keys these are two calls, so only the row in suspense can make it count once.
TEST_F(lane_writer_test, of_two_that_retry_a_record_by_different_catalogs_one_stores_it) {
    test_lane a{connection_};
    a.store({make_.call(1, 77, "4420", 60)});
    auto const id = *ingest::parse_uuid(one("SELECT id FROM suspense"));
    auto const retry = [&](test_lane& target, int account) {
        std::vector<ingest::cdr> const calls{make_.call(1, account, "4420", 60),
                                             make_.call(2, account, "4420", 60)};
        auto entries = target.entries_of(calls);
        entries[0].suspense_id = id;
        EXPECT_TRUE(target.store_entries(entries));
        return entries[0].state;
    };
    EXPECT_EQ(retry(a, 1), entry_state::live);
    test_lane b{connection_};
    EXPECT_EQ(retry(b, 2), entry_state::duplicate);
    EXPECT_EQ(b.retries_of("stale"), 1);
    EXPECT_EQ(one("SELECT string_agg(right(uuid::text, 1) || ' ' || account_number, ', ' ORDER BY"
                  " account_number, uuid) FROM cdrs JOIN accounts ON accounts.id = account_id"),
              "1 ACC-1, 2 ACC-1, 2 ACC-2");
    EXPECT_EQ(one("SELECT state || ' ' || attempts FROM suspense"), "resolved 2");
    expect_sums("5.100000000");

    execute(connection_, "UPDATE suspense SET state = 'discarded'");
    EXPECT_EQ(retry(b, 3), entry_state::duplicate); // discarded meanwhile
    EXPECT_EQ(one("SELECT state FROM suspense"), "discarded");
}

TEST_F(lane_writer_test, one_refused_record_does_not_take_its_batch_down) {
    execute(connection_, "ALTER TABLE cdrs ADD CONSTRAINT no_500 CHECK (destination <> '500')");
    test_lane a{connection_};
    std::vector<ingest::cdr> calls;
    for (std::uint32_t i = 0; i < 9; ++i) {
        calls.push_back(make_.call(i, 1, i == 5 ? "500" : "4420", 60));
    }
    auto const entries = a.store(calls);

    EXPECT_EQ(entries[5].state, entry_state::suspended);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "8");
    EXPECT_EQ(one("SELECT reason FROM suspense"), "database_refused");
    EXPECT_THAT(one("SELECT detail FROM suspense"), ::testing::HasSubstr("no_500"));
    expect_sums("13.600000000");
}

TEST_F(lane_writer_test, a_record_that_an_operators_trigger_refuses_is_suspended_alone) {
    execute(
        connection_,
        "CREATE FUNCTION refuse_666() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.destination = '666' THEN RAISE EXCEPTION 'not here'; END IF; RETURN new; END $$");
    execute(connection_, "CREATE TRIGGER refuse_666 BEFORE INSERT ON cdrs FOR EACH ROW EXECUTE "
                         "FUNCTION refuse_666()");
    test_lane a{connection_};
    auto const entries = a.store(
        {make_.call(1, 1, "4420", 60), make_.call(2, 1, "666", 60), make_.call(3, 1, "4420", 60)});

    EXPECT_EQ(entries[1].reason, record_error::database_refused);
    EXPECT_THAT(one("SELECT detail FROM suspense"), ::testing::HasSubstr("not here"));
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2");
}

TEST_F(lane_writer_test, a_call_of_a_day_out_of_bounds_is_suspended) {
    test_lane a{connection_};
    auto const entries =
        a.store({make_.call(1, 1, "4420", 60, call_maker::base * 3), make_.call(2, 1, "4420", 60)});

    EXPECT_EQ(entries[1].state, entry_state::live);
    EXPECT_EQ(entries[0].state, entry_state::suspended);
    EXPECT_EQ(entries[0].reason, record_error::time_out_of_bounds);
}

TEST_F(lane_writer_test, a_day_whose_name_another_table_has_is_refused_alone) {
    execute(connection_,
            "CREATE TABLE billing.archive (LIKE billing.cdrs INCLUDING CONSTRAINTS); ALTER TABLE "
            "billing.cdrs ATTACH "
            "PARTITION billing.archive FOR VALUES FROM ('2026-04-01 12:00+00') TO ('2026-04-02 "
            "12:00+00')");
    test_lane a{connection_};
    constexpr ingest::time_us april = call_maker::base - 33 * 86'400 * ingest::us_per_s;
    auto const entries =
        a.store({make_.call(1, 1, "4420", 60, april), make_.call(2, 1, "4420", 60)});

    EXPECT_EQ(entries[0].reason, record_error::time_out_of_bounds);
    EXPECT_EQ(entries[1].state, entry_state::live);
    expect_sums("1.700000000");
}

TEST_F(lane_writer_test, what_repeats_a_stored_call_is_a_duplicate_whatever_came_before_it) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 60)});
    test_lane b{connection_};
    auto other = make_.call(1, 1, "4420", 61);
    other.raw = "the other one";
    auto const entries = b.store({other, make_.call(1, 1, "4420", 60)});

    EXPECT_EQ(entries[0].reason, record_error::conflict);
    EXPECT_EQ(entries[1].state, entry_state::duplicate);
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "1");
}

// The keeper of positions asks for it: a batch of duplicates has to be there, too.
TEST_F(lane_writer_test, writes_a_row_for_each_batch_and_names_the_last) {
    test_lane a{connection_};
    EXPECT_TRUE(a.writer().last_batch().is_nil());
    for (auto const* counts : {"1/0", "0/1"}) {
        a.store({make_.call(1, 1, "4420", 60)});
        EXPECT_EQ(one("SELECT committed || '/' || duplicate FROM batches WHERE id = '" +
                      ingest::to_string(a.writer().last_batch()) + "'"),
                  counts);
    }
    EXPECT_EQ(one("SELECT count(*) FROM batches"), "2");
}

TEST_F(lane_writer_test, stores_nothing_of_a_poisoned_batch_and_names_the_bad_entry) {
    execute(connection_, "ALTER TABLE cdrs ADD CONSTRAINT no_500 CHECK (destination <> '500')");
    test_lane a{connection_};
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60), make_.call(2, 1, "500", 60)};
    auto entries = a.entries_of(calls);
    EXPECT_EQ(a.writer().store(entries, {}, 1), store_end::poisoned);
    EXPECT_EQ(a.writer().culprit(), &entries[1]);
    EXPECT_TRUE(a.writer().last_batch().is_nil());
    EXPECT_EQ(one("SELECT (SELECT count(*) FROM cdrs) + (SELECT count(*) FROM suspense)"), "0");

    EXPECT_EQ(a.writer().store(entries, {}, 1), store_end::stored);
    EXPECT_EQ(a.writer().culprit(), nullptr);
    EXPECT_EQ(one("SELECT reason FROM suspense"), "database_refused");
    expect_sums("1.700000000");
}

TEST_F(lane_writer_test, waits_for_a_database_that_went_away_and_stores_then) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 60)});
    execute(connection_, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                         "WHERE application_name = 'test lane' AND datname = current_database()");
    a.store({make_.call(2, 1, "4420", 60)});

    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2");
    expect_sums("3.400000000");
}

// A standby that is promoted may lack partitions that its primary had.
TEST_F(lane_writer_test, makes_the_partitions_that_another_server_lacks) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 60)});
    auto& server = tests::private_postgres::shared();
    auto const earlier = server.copy_database(connection_);
    constexpr ingest::time_us before = call_maker::base - 20 * 86'400 * ingest::us_per_s;
    a.store({make_.call(2, 1, "4420", 60, before)});
    server.replace_database(connection_, earlier);
    auto const entries = a.store({make_.call(3, 1, "4420", 60, before)});

    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
    expect_sums("3.400000000");
}

TEST_F(lane_writer_test, gives_up_only_when_told_to) {
    test_lane a{tests::catalog_of(connection_), "host=/nonexistent dbname=none", {}};
    a.set_attempts(3);
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60)};
    auto entries = a.entries_of(calls);

    EXPECT_EQ(a.writer().store(entries, {}, 1), store_end::given_up);
    EXPECT_EQ(a.retries_of("transient"), 3);
    EXPECT_EQ(a.batches(), 0);
}

} // namespace
} // namespace tally::storage
