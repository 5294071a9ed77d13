#include "storage/effects/effect_queue.hpp"

#include "storage/postgres/sql_session.hpp"
#include "tests/storage/effects/effect_queue_fixture.hpp"
#include "tests/support/cutting_proxy.hpp"

#include <gmock/gmock.h>

#include <array>
#include <thread>

// Effects of events that lanes stored: applied in order, once, whatever fails.

namespace tally::storage {
namespace {

using testing::ElementsAre;

TEST_F(effect_queue_test, applies_what_a_batch_stored_once) {
    auto const event = sent("a", "SALON-1", 60);
    store({event});
    EXPECT_EQ(credits(), "SALON-1 100 SALON-2 0");
    EXPECT_EQ(waiting(), "1");
    EXPECT_EQ(apply(), "1/0");
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 0");

    // A repeated event is known by its identity and queues nothing.
    EXPECT_EQ(test_lane{database}.store({event})[0].state, entry_state::duplicate);
    EXPECT_EQ(apply(), "0/0");
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 0");
    EXPECT_EQ(ask("SELECT count(*) FROM licensing.license_audit_events"), "1");
}

TEST_F(effect_queue_test, keeps_the_order_of_arrival) {
    store({bought("a", "SALON-2", 5), sent("b", "SALON-2", 5), sent("c", "SALON-2", 1)});
    store({bought("d", "SALON-2", 1)});
    EXPECT_EQ(apply(), "3/1");
    EXPECT_EQ(credits(), "SALON-1 100 SALON-2 1");
    EXPECT_THAT(suspended(), ElementsAre("not_enough_credits|raw of event c|waiting"));
    EXPECT_EQ(ask("SELECT detail FROM ingest.suspense"),
              "license SALON-2 has 0 SMS left, 1 were sent");
}

TEST_F(effect_queue_test, lets_a_refused_event_wait_alone_and_takes_it_back) {
    auto session = events.event("b", event_kind::voucher_session, "voucher.session");
    session.subject = "V-9";
    session.event_data = ingest::entity_data{session.subject};
    store({sent("a", "SALON-1", 60), session, sent("c", "SALON-1", 30)});
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.usage_events"), "1");
    EXPECT_EQ(apply(), "2/1");
    EXPECT_EQ(credits(), "SALON-1 10 SALON-2 0");
    EXPECT_THAT(suspended(), ElementsAre("unknown_voucher|raw of event b|waiting"));
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.usage_events"), "0");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.event_identities"), "2");

    // The same event again: it waits once, and its attempts are not counted twice.
    store({session});
    EXPECT_EQ(apply(), "0/1");
    EXPECT_THAT(suspended(), ElementsAre("unknown_voucher|raw of event b|waiting"));
    EXPECT_EQ(ask("SELECT attempts FROM ingest.suspense"), "1");
}

TEST_F(effect_queue_test, leaves_discarded_what_a_replay_brings_again) {
    auto const event = sent("a", "SALON-2", 1);
    store({event});
    EXPECT_EQ(apply(), "0/1");
    run("UPDATE ingest.suspense SET state = 'discarded', resolved_at = now()");
    store({event});
    EXPECT_EQ(apply(), "0/1");
    EXPECT_EQ(ask("SELECT state FROM ingest.suspense"), "discarded");

    // Another time of receipt is a new sending.
    run("UPDATE ingest.suspense SET received_at = received_at - interval '1 hour'");
    store({event});
    EXPECT_EQ(apply(), "0/1");
    EXPECT_EQ(ask("SELECT state FROM ingest.suspense"), "waiting");
}

TEST_F(effect_queue_test, a_constraint_refuses_its_own_events_only) {
    run("ALTER TABLE licensing.licenses ADD CONSTRAINT fair_use CHECK (sms_sent < 50)");
    store({sent("a", "SALON-1", 40), sent("b", "SALON-1", 10), sent("c", "SALON-1", 9)});
    EXPECT_EQ(apply(), "2/1");
    EXPECT_THAT(suspended(), ElementsAre("database_refused|raw of event b|waiting"));
    EXPECT_THAT(ask("SELECT detail FROM ingest.suspense"), testing::HasSubstr("fair_use"));
}

// At COMMIT a deferred constraint would refuse the effects of others, too.
TEST_F(effect_queue_test, a_deferred_constraint_refuses_its_own_events_only) {
    run("CREATE FUNCTION public.fair() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.sms_sent >= 50 THEN RAISE 'unfair' USING ERRCODE = 'ZZ001'; END IF;"
        " RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER fair AFTER UPDATE ON licensing.licenses DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fair()");
    store({sent("a", "SALON-1", 40), sent("b", "SALON-1", 10), sent("c", "SALON-1", 9)});
    EXPECT_EQ(apply(), "2/1");
    EXPECT_EQ(credits(), "SALON-1 51 SALON-2 0");
    EXPECT_THAT(suspended(), ElementsAre("database_refused|raw of event b|waiting"));
}

TEST_F(effect_queue_test, hundreds_of_refused_effects_fail_no_transaction) {
    run("ALTER TABLE licensing.license_audit_events ADD CONSTRAINT odd"
        " CHECK (type <> 'license.odd')");
    std::vector<ingest::event> all;
    for (int i = 0; i < 800; ++i) {
        all.push_back(moved(std::to_string(i), "license.odd", "SALON-1", 1));
    }
    test_lane lane{database};
    tests::call_maker calls;
    auto const stored = lane.store({calls.call(1, 1, "4420", 60)}, all);
    EXPECT_EQ(stored[0].state, entry_state::live);
    EXPECT_TRUE(lane.retries().empty()); // the call of the batch waits for none of them
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), "1");

    std::int64_t transactions = 0;
    effect_counts done;
    do {
        auto const status = queue.apply_next(done);
        ASSERT_TRUE(status.ok()) << status.detail;
        ++transactions;
    } while (done.taken() > 0);
    EXPECT_EQ(transactions, 800 / effect_queue::effects_max + 2);
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense WHERE reason = 'database_refused'"), "800");
}

TEST_F(effect_queue_test, tries_again_what_a_lock_stopped) {
    pq_connection impatient{database, "test effects", {}, {.lock_timeout_ms = 100}};
    store({sent("a", "SALON-1", 60), sent("b", "SALON-2", 1)});
    effect_counts done;
    {
        sql_session other{database, "test"};
        sql_transaction const holding{other};
        other.execute("SELECT FROM licensing.licenses WHERE key = 'SALON-1' FOR UPDATE");
        auto const status = effect_queue{impatient}.apply_next(done);
        EXPECT_EQ(status.reason, failure::transient) << status.detail;
        EXPECT_EQ(done.taken(), 0);
    }
    EXPECT_EQ(waiting(), "2");
    EXPECT_TRUE(suspended().empty());
    EXPECT_TRUE(effect_queue{impatient}.apply_next(done).ok());
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 0");
}

TEST_F(effect_queue_test, applies_what_came_before_an_effect_that_a_lock_stops) {
    pq_connection impatient{database, "test effects", {}, {.lock_timeout_ms = 100}};
    effect_queue stubborn{impatient};
    store({bought("a", "SALON-2", 5), sent("b", "SALON-2", 1), sent("c", "SALON-1", 60),
           sent("d", "SALON-2", 1)});
    effect_counts done;
    {
        sql_session other{database, "test"};
        sql_transaction const holding{other};
        other.execute("SELECT FROM licensing.licenses WHERE key = 'SALON-1' FOR UPDATE");
        EXPECT_FALSE(stubborn.apply_next(done).ok());
        EXPECT_TRUE(stubborn.apply_next(done).ok());
        EXPECT_EQ(done.taken(), 1) << "one at a time after a failure";
        EXPECT_TRUE(stubborn.apply_next(done).ok());
        EXPECT_FALSE(stubborn.apply_next(done).ok()) << "the one that the lock stops";
        EXPECT_EQ(credits(), "SALON-1 100 SALON-2 4");
        EXPECT_EQ(waiting(), "2") << "what came after it waits: effects are applied in order";
    }
    while (stubborn.apply_next(done).ok() && done.taken() > 0) {
    }
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 3");
}

TEST_F(effect_queue_test, applies_once_when_the_session_ends_between_effect_and_commit) {
    store({sent("a", "SALON-1", 60), sent("b", "SALON-2", 1)});
    run("CREATE FUNCTION public.end_session() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5);"
        " RETURN NULL; END$$;"
        " CREATE TRIGGER end_session AFTER DELETE ON ingest.effect_queue"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.end_session()");
    EXPECT_EQ(apply_next().reason, failure::transient);
    EXPECT_EQ(credits(), "SALON-1 100 SALON-2 0");
    EXPECT_EQ(waiting(), "2");
    EXPECT_TRUE(suspended().empty());
    run("DROP TRIGGER end_session ON ingest.effect_queue");
    EXPECT_EQ(apply(), "1/1");
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 0");
}

TEST_F(effect_queue_test, applies_once_when_the_answer_to_commit_is_lost) {
    store({sent("a", "SALON-1", 60), sent("b", "SALON-2", 1)});
    tests::cutting_proxy proxy{database};
    pq_connection cut{proxy.connection_string(), "test effects"};
    ASSERT_TRUE(cut.open().ok());
    proxy.arm(tests::cutting_proxy::cut::answer, "COMMIT");
    effect_counts done;
    EXPECT_EQ(effect_queue{cut}.apply_next(done).reason, failure::transient);
    EXPECT_TRUE(proxy.has_cut());
    EXPECT_EQ(apply(), "0/0");
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 0");
    EXPECT_EQ(suspended().size(), 1U);
}

TEST_F(effect_queue_test, two_workers_at_once_apply_each_effect_once_and_in_order) {
    std::vector<ingest::event> all;
    for (int i = 0; i < 300; ++i) { // the balance of SALON-2 is 1, then 0, again and again
        all.push_back(bought("b" + std::to_string(i), "SALON-2", 1));
        all.push_back(sent("s" + std::to_string(i), "SALON-2", 1));
    }
    store(all);
    std::array<std::int64_t, 2> applied{};
    std::array<std::int64_t, 2> refused{};
    {
        std::vector<std::jthread> workers;
        for (std::size_t n = 0; n < 2; ++n) {
            workers.emplace_back([&, n] {
                pq_connection own{database, "test effects"};
                effect_queue worker{own};
                effect_counts done;
                do {
                    EXPECT_TRUE(worker.apply_next(done).ok());
                    applied[n] += done.applied;
                    refused[n] += done.suspended;
                } while (done.taken() > 0);
            });
        }
    }
    EXPECT_EQ(applied[0] + applied[1], 600);
    EXPECT_EQ(refused[0] + refused[1], 0);
    EXPECT_EQ(ask("SELECT sms_sent || ' ' || sms_balance FROM licensing.licenses"
                  " WHERE key = 'SALON-2'"),
              "300 0");
    EXPECT_EQ(ask("SELECT count(*) FROM licensing.license_audit_events"), "600");
}

TEST_F(effect_queue_test, counts_what_waits) {
    waiting_effects left;
    EXPECT_TRUE(queue.waiting(left).ok());
    EXPECT_EQ(left.count, 0);
    store({sent("a", "SALON-1", 1), sent("b", "SALON-1", 1)});
    run("UPDATE ingest.effect_queue SET created_at = now() - interval '90 s'");
    EXPECT_TRUE(queue.waiting(left).ok());
    EXPECT_EQ(left.count, 2);
    EXPECT_GE(left.oldest_s, 90);
    EXPECT_LT(left.oldest_s, 150);
}

} // namespace
} // namespace tally::storage
