#include "tests/storage/lane/lane_fixture.hpp"

// Records that a lane suspends: each waits, whatever its source, its text or its row's history.

namespace tally::storage {
namespace {

class lane_suspense_test : public lane_writer_test {
  protected:
    /// Pushes a call without a payer, received at `received`.
    void push(test_lane& target, ingest::time_us received) {
        std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60)};
        auto entries = target.entries_of(calls);
        entries[0].received = received;
        EXPECT_TRUE(target.store_entries(entries));
        EXPECT_EQ(entries[0].state, entry_state::suspended);
    }
    void close_all(std::string const& state) const {
        execute(connection_, "UPDATE suspense SET state = '" + state +
                                 "', resolved_at = now(), resolved_by = 'ann', resolution = 'x',"
                                 " attempts = 4, auto_attempts = 3, next_attempt_at = NULL,"
                                 " tried_catalog_at = now()");
    }
    /// State, reason, attempts and age of the only row.
    std::string row() const {
        return one("SELECT concat_ws(' ', state, reason, attempts, auto_attempts, received_at,"
                   " resolved_at, resolved_by, resolution, tried_catalog_at) FROM suspense");
    }

    static constexpr ingest::time_us first = call_maker::base;
    static constexpr ingest::time_us second = call_maker::base + 3'600 * ingest::us_per_s;
};

TEST_F(lane_suspense_test, a_record_waits_from_when_it_was_received) {
    test_lane a{connection_};
    push(a, first);
    EXPECT_EQ(one("SELECT received_at FROM suspense"), "2026-05-04 10:00:00+00");
}

TEST_F(lane_suspense_test, a_record_of_a_source_that_is_gone_waits_under_its_id) {
    std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60), make_.call(2, 1, "4420", 60),
                                         make_.call(3, 9, "4420", 60)};
    test_lane a{connection_};
    a.set_source(*ingest::parse_uuid("00000000-0000-7000-8000-0000000000ff"));
    a.store(calls);
    EXPECT_EQ(one("SELECT string_agg(DISTINCT source_id::text || ' ' || reason, ',')"
                  " FROM suspense HAVING count(*) = 2"),
              "00000000-0000-7000-8000-0000000000ff unknown_account");
    expect_sums("1.700000000");
}

TEST_F(lane_suspense_test, a_source_with_records_in_suspense_cannot_be_deleted) {
    execute(connection_, "INSERT INTO sources (id, name) VALUES"
                         " ('00000000-0000-7000-8000-0000000000fe', 'with'),"
                         " ('00000000-0000-7000-8000-0000000000fd', 'without')");
    test_lane a{connection_};
    a.set_source(*ingest::parse_uuid("00000000-0000-7000-8000-0000000000fe"));
    push(a, first);
    EXPECT_ANY_THROW(execute(connection_, "DELETE FROM sources WHERE name = 'with'"));
    execute(connection_, "DELETE FROM sources WHERE name = 'without'");
    EXPECT_EQ(one("SELECT string_agg(name, ' ' ORDER BY name) FROM sources"), "local with");
}

TEST_F(lane_suspense_test, a_batch_outlives_the_row_of_its_import) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60),
                                         make_.call(2, 9, "4420", 60)};
    test_lane a{connection_};
    auto entries = a.entries_of(calls);
    EXPECT_TRUE(a.store_entries(entries, ingest::uuid_v7()));
    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(one("SELECT committed || ' ' || suspended FROM batches"), "1 1");
}

TEST_F(lane_suspense_test, words_that_the_database_refuses_are_left_out) {
    std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60), make_.call(2, 1, "4420", 60),
                                         make_.call(3, 9, "4420", 60)};
    for (std::string_view const words :
         {std::string_view{"\xff\xfe"}, std::string_view{"a\0b", 3}}) {
        test_lane a{connection_};
        auto entries = a.entries_of(calls);
        entries[0].suspend(record_error::bad_value, words);
        EXPECT_TRUE(a.store_entries(entries));
        EXPECT_EQ(one("SELECT string_agg(reason || coalesce(detail, '') || ' ' ||"
                      " convert_from(payload, 'UTF8'), ', ' ORDER BY payload) FROM suspense"),
                  "bad_value raw of call 1, unknown_account" +
                      std::string{ingest::explain(record_error::unknown_account)} +
                      " raw of call 3");
        expect_sums("1.700000000");
        execute(connection_, "DELETE FROM suspense");
    }
}

TEST_F(lane_suspense_test, a_time_that_the_database_refuses_is_that_of_its_batch) {
    test_lane a{connection_};
    push(a, INT64_MAX - 1);
    EXPECT_EQ(
        one("SELECT reason || ' ' || (received_at > now() - interval '1 hour') FROM suspense"),
        "unknown_account true");
}

// A sender that repeats a record wants it stored, even if an operator had closed its row.
TEST_F(lane_suspense_test, a_discarded_record_that_is_sent_again_waits_again) {
    test_lane a{connection_};
    push(a, first);
    push(a, second);
    EXPECT_EQ(row(), "waiting unknown_account 1 0 2026-05-04 10:00:00+00") << "once";
    auto const id = one("SELECT id FROM suspense");
    close_all("discarded");
    test_lane b{connection_};
    push(b, second);
    EXPECT_EQ(row(), "waiting unknown_account 1 0 2026-05-04 11:00:00+00");
    EXPECT_EQ(one("SELECT id = '" + id +
                  "' AND next_attempt_at <= now() AND"
                  " batch_id = (SELECT id FROM batches ORDER BY created_at DESC LIMIT 1)"
                  " FROM suspense"),
              "t");
    EXPECT_EQ(one("SELECT string_agg(duplicate || '/' || suspended, ' ' ORDER BY created_at)"
                  " FROM batches"),
              "0/1 1/0 0/1");
}

// It was stored: the same bytes are a duplicate, whichever account they would be stored under now.
TEST_F(lane_suspense_test, a_resolved_record_that_is_sent_again_is_a_duplicate) {
    test_lane a{connection_};
    push(a, first);
    close_all("resolved");
    auto const before = row();
    push(a, second);
    EXPECT_EQ(row(), before);
    EXPECT_EQ(one("SELECT string_agg(duplicate || '/' || suspended, ' ' ORDER BY created_at)"
                  " FROM batches"),
              "0/1 1/0");
}

// A daemon that was killed reads its journal again: that is not a second sending.
TEST_F(lane_suspense_test, a_replay_leaves_a_closed_record_closed) {
    test_lane a{connection_};
    push(a, first);
    for (auto const* state : {"discarded", "resolved"}) {
        close_all(state);
        test_lane b{connection_};
        push(b, first);
        EXPECT_EQ(one("SELECT state || ' ' || attempts FROM suspense"), std::string{state} + " 4");
    }
    EXPECT_EQ(one("SELECT string_agg(duplicate || '/' || suspended, ' ' ORDER BY created_at)"
                  " FROM batches"),
              "0/1 1/0 1/0");
}

TEST_F(lane_suspense_test, one_payload_twice_in_a_batch_waits_again_once) {
    test_lane a{connection_};
    push(a, first);
    close_all("discarded");
    std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60),
                                         make_.call(1, 9, "4420", 60)};
    auto entries = a.entries_of(calls);
    EXPECT_TRUE(a.store_entries(entries));
    EXPECT_EQ(one("SELECT duplicate || '/' || suspended FROM batches ORDER BY created_at DESC"
                  " LIMIT 1"),
              "1/1");
}

// A unique key that the operator added, on other columns than the key of a call.
TEST_F(lane_suspense_test, a_record_that_only_an_operators_key_calls_a_duplicate_is_put_aside) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 60)});
    execute(connection_, "CREATE UNIQUE INDEX ON billing.cdrs_p20260504 (destination)");
    auto const entries = a.store(
        {make_.call(2, 1, "4421", 60), make_.call(3, 1, "4420", 60), make_.call(4, 2, "4422", 60)});
    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(entries[1].reason, record_error::database_refused);
    EXPECT_EQ(entries[2].state, entry_state::live);
    EXPECT_THAT(one("SELECT detail FROM suspense"), ::testing::HasSubstr("destination"));
    expect_sums("5.100000000");
}

TEST_F(lane_suspense_test, a_duplicate_that_nobody_can_name_is_found_by_halves) {
    test_lane a{connection_};
    a.store({make_.call(1, 1, "4420", 60)});
    execute(connection_, R"(
        CREATE FUNCTION refuse_4421() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN IF EXISTS (SELECT FROM fresh WHERE destination = ''4421'') THEN
            RAISE unique_violation USING TABLE = ''cdrs''; END IF; RETURN NULL; END';
        CREATE TRIGGER known AFTER INSERT ON billing.cdrs REFERENCING NEW TABLE AS fresh
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_4421())");
    auto const entries = a.store(
        {make_.call(2, 1, "4420", 60), make_.call(3, 1, "4421", 60), make_.call(4, 2, "4422", 60)});
    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(entries[1].reason, record_error::database_refused);
    EXPECT_EQ(entries[2].state, entry_state::live);
}

} // namespace
} // namespace tally::storage
