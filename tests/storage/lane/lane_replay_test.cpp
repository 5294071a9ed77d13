#include "rating/catalog/guide.hpp"
#include "tests/storage/lane/lane_fixture.hpp"
#include "tests/support/catalog_of.hpp"

// Records that an earlier run stored, and records that no table accepts.

namespace tally::storage {
namespace {

class lane_replay_test : public lane_writer_test {
  protected:
    /// The entries of calls whose payers were decided by an earlier catalog.
    static std::vector<batch_entry> decided_entries(test_lane const& target,
                                                    std::vector<ingest::cdr> const& calls,
                                                    ingest::payers const& decided) {
        auto entries = target.entries_of(calls);
        for (std::uint32_t i = 0; i < entries.size(); ++i) {
            auto const& payer = *decided.of(i);
            entries[i].state = entry_state::live;
            entries[i].take(calls[i], rating::guide_decided(calls[i], payer, target.catalog()),
                            payer.account_id);
        }
        return entries;
    }
    ingest::payers decide(std::vector<ingest::cdr> const& calls) const {
        ingest::record_batch batch;
        batch.cdrs = calls;
        for (std::uint32_t i = 0; i < calls.size(); ++i) {
            batch.cdr_index.push_back(i);
        }
        return rating::decide_payers(batch, *tests::catalog_of(connection_));
    }
};

TEST_F(lane_replay_test, what_an_earlier_run_stored_stays_with_the_account_it_was_stored_under) {
    auto by_number = make_.call(1, 1, "4420", 60);
    by_number.account_number = {};
    by_number.caller_id = make_.keep("+" + tests::did_of(1));
    auto by_subscription = make_.call(2, 1, "4420", 60);
    by_subscription.account_number = {};
    by_subscription.subscription_number = "SUB-1";
    auto by_account = make_.call(3, 1, "4420", 60);
    std::vector<ingest::cdr> const calls{by_number, by_subscription, by_account};
    auto const decided = decide(calls);
    test_lane a{connection_};
    a.store(calls);

    for (auto const* change :
         {"UPDATE dids SET subscription_id = (SELECT id FROM subscriptions WHERE"
          " subscription_number = 'SUB-2') WHERE did_number LIKE '%01'",
          "UPDATE subscriptions SET account_id = (SELECT id FROM accounts WHERE account_number ="
          " 'ACC-3') WHERE subscription_number = 'SUB-1'",
          "UPDATE dids SET status = 'ported_out' WHERE did_number LIKE '%01'"}) {
        execute(connection_, change);
        test_lane b{connection_};
        auto again = decided_entries(b, calls, decided);
        EXPECT_TRUE(b.store_entries(again)) << change;
        EXPECT_THAT(again,
                    ::testing::Each(::testing::Field(&batch_entry::state, entry_state::duplicate)));
    }
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "3");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
    a.reload();
    a.store({make_.call(3, 2, "4420", 60)}); // one id, two calls
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "4");
}

// It comes late, after its subscription went to another account, which must not pay under the key
// of the first: the call waits in suspense, where it counts once.
TEST_F(lane_replay_test, a_call_whose_subscription_went_to_another_account_waits_once) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60)};
    auto const decided = decide(calls);
    execute(connection_, "UPDATE subscriptions SET account_id = (SELECT id FROM accounts WHERE"
                         " account_number = 'ACC-3') WHERE subscription_number = 'SUB-1'");
    for (int run = 0; run < 2; ++run) {
        test_lane a{connection_};
        auto entries = decided_entries(a, calls, decided);
        EXPECT_TRUE(a.store_entries(entries));
        EXPECT_EQ(entries[0].reason, record_error::unknown_subscription);
    }
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "0");
    EXPECT_EQ(one("SELECT count(*) || ' ' || min(reason) FROM suspense"), "1 unknown_subscription");
}

// What was found stored may be gone when the batch commits: a standby that was behind is promoted
// in between, and the lane, which has stored nothing yet, rests on no batch that could be missed.
TEST_F(lane_replay_test, a_duplicate_that_a_failover_takes_back_is_stored) {
    test_lane a{connection_};
    a.store({make_.call(9, 1, "4420", 60)}); // makes the day's partition
    auto& server = tests::private_postgres::shared();
    auto const earlier = server.copy_database(connection_);
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60)};
    a.store(calls);

    int attempts = 0;
    test_lane b{tests::catalog_of(connection_),
                connection_,
                {.lane = 1, .daemon_id = {}, .required = [&] {
                     if (++attempts == 2) { // the first one has met the stored call
                         server.replace_database(connection_, earlier);
                     }
                     return std::vector<ingest::uuid>{};
                 }}};
    auto const entries = b.store(calls);
    EXPECT_GT(attempts, 2);
    EXPECT_EQ(b.retries_of("duplicate"), 1);
    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "2");
}

// The subscription is gone from the catalog: the call waits, unless it is stored already.
TEST_F(lane_replay_test, a_call_whose_subscription_left_the_catalog_is_known_again) {
    std::vector<ingest::cdr> const calls{make_.call(1, 1, "4420", 60),
                                         make_.call(2, 1, "4420", 60)};
    auto decided = decide(calls);
    test_lane a{connection_};
    a.store({calls[0]});
    auto gone = *decided.of(0);
    gone.subscription_id = ingest::uuid_v7();
    decided.set(0, gone);
    decided.set(1, gone);
    test_lane b{connection_};
    auto entries = decided_entries(b, calls, decided);
    EXPECT_TRUE(b.store_entries(entries));
    EXPECT_EQ(entries[0].state, entry_state::duplicate);
    EXPECT_EQ(entries[1].reason, record_error::unknown_subscription);
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "1");
}

TEST_F(lane_replay_test, a_refusal_with_nothing_to_set_aside_is_told_to_somebody) {
    execute(connection_, R"(
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE ''nothing is put aside here''; END';
        CREATE TRIGGER refuse BEFORE INSERT ON ingest.suspense
            FOR EACH ROW EXECUTE FUNCTION refuse())");
    std::vector<ingest::cdr> const calls{make_.call(1, 9, "4420", 60)};
    test_lane a{connection_};
    auto entries = a.entries_of(calls);
    a.set_attempts(3);
    EXPECT_FALSE(a.store_entries(entries));
    EXPECT_EQ(a.retries_of("permanent"), 3);
}

} // namespace
} // namespace tally::storage
