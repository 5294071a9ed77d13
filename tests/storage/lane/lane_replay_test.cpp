#include "storage/lane/stream_positions.hpp"
#include "tests/storage/lane/lane_fixture.hpp"

// Records that an earlier run stored, and records that no table accepts.

namespace tally::storage {
namespace {

class lane_replay_test : public lane_writer_test {};

TEST_F(lane_replay_test, what_an_earlier_run_stored_stays_with_the_account_it_was_stored_under) {
    auto by_number = make_.call(1, 1, "4420", 60);
    by_number.account_number = {};
    by_number.caller_id = make_.keep("+" + tests::did_of(1));
    auto by_subscription = make_.call(2, 1, "4420", 60);
    by_subscription.account_number = {};
    by_subscription.subscription_number = "SUB-1";
    auto by_account = make_.call(3, 1, "4420", 60);
    std::vector<ingest::cdr> const calls{by_number, by_subscription, by_account};
    lane a{connection_};
    store(a, calls);

    for (auto const* change :
         {"UPDATE dids SET subscription_id = (SELECT id FROM subscriptions WHERE"
          " subscription_number = 'SUB-2') WHERE did_number LIKE '%01'",
          "UPDATE subscriptions SET account_id = (SELECT id FROM accounts WHERE account_number ="
          " 'ACC-3') WHERE subscription_number = 'SUB-1'",
          "UPDATE dids SET status = 'ported_out' WHERE did_number LIKE '%01'"}) {
        execute(connection_, change);
        reload();
        lane b{connection_};
        auto again = entries_of(calls);
        again.pop_back(); // ACC-1 no longer has a subscription
        for (auto& entry : again) {
            entry.may_be_stored = true;
        }
        EXPECT_TRUE(b.lane_writer.store(again, {}, {}, 1)) << change;
        EXPECT_THAT(again,
                    ::testing::Each(::testing::Field(&batch_entry::state, entry_state::duplicate)));
    }
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "3");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
    std::vector<ingest::cdr> const others{make_.call(3, 2, "4420", 60)}; // one id, two calls
    auto entries = entries_of(others);
    entries[0].may_be_stored = true;
    EXPECT_TRUE(a.lane_writer.store(entries, {}, {}, 1));
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "4");
}

TEST_F(lane_replay_test, a_half_that_is_stored_before_the_position_moves_leaves_word_of_it) {
    execute(connection_, R"(
        CREATE FUNCTION refuse_more_than_one() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN IF (SELECT count(*) FROM fresh) > 1 THEN RAISE ''one at a time''; END IF;
            RETURN NULL; END';
        CREATE TRIGGER alone AFTER INSERT ON ingest.suspense REFERENCING NEW TABLE AS fresh
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_more_than_one())");
    std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60),
                                         make_.call(2, 9, "4420", 60)};
    auto entries = entries_of(calls); // there is no ACC-9
    std::vector<stream_mark> const marks{{"journal:a:2", 2}};
    lane a{connection_};
    EXPECT_TRUE(a.lane_writer.store(entries, marks, {}, 1));

    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "2");
    EXPECT_EQ(one("SELECT string_agg(stream || '=' || position, ' ' ORDER BY stream)"
                  " FROM positions"),
              "journal:a:2=2 reach:journal:a:2=2");
    pqxx_session session{connection_, "test"};
    EXPECT_EQ(progress_of(session, "journal:a"), (stream_progress{0, 2})); // lane 1 has none
    forget_stream(session, "journal:a");
    EXPECT_EQ(one("SELECT count(*) FROM positions"), "0");
}

TEST_F(lane_replay_test, a_refusal_with_nothing_to_set_aside_is_told_to_somebody) {
    execute(connection_, R"(
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE ''nothing is put aside here''; END';
        CREATE TRIGGER refuse BEFORE INSERT ON ingest.suspense
            FOR EACH ROW EXECUTE FUNCTION refuse())");
    std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60)};
    auto entries = entries_of(calls);
    lane a{connection_};
    a.pauses_left = 3;
    EXPECT_FALSE(a.lane_writer.store(entries, {}, {}, 1));
    EXPECT_EQ(a.observer.retries["permanent"], 3);
}

} // namespace
} // namespace tally::storage
