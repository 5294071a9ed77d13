#include "daemon/effects/worker.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/event_maker.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/test_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// The worker's cycles, called one by one, and its thread.

namespace tally::daemon {
namespace {

using std::chrono::milliseconds;

class effects_worker_test : public ::testing::Test {
  protected:
    void SetUp() override { tests::make_telecom(database, 1); }

    void store_audits(int count) {
        std::vector<ingest::event> all;
        for (int i = 0; i < count; ++i) {
            auto event = events.event(std::to_string(next_id_++), ingest::event_kind::audit_action,
                                      "audit.action");
            event.event_data = ingest::entity_data{};
            event.data = R"({"action":"login"})";
            all.push_back(event);
        }
        tests::test_lane{database}.store(all);
    }
    [[nodiscard]] std::string applied() const {
        return tests::query_one(database, "SELECT count(*) FROM identity.audit_logs");
    }

    std::string database = tests::private_postgres::shared().migrated_database();
    tests::event_maker events;
    failure_report failures;
    std::int64_t counted = 0;
    std::int64_t transactions = 0;
    std::vector<std::int64_t> left;
    effects_worker worker{storage::connect_effects(database, "tallyd effects"),
                          {.applied =
                               [this](auto const& done) {
                                   counted += done.applied;
                                   ++transactions;
                               },
                           .waiting = [this](auto const& now) { left.push_back(now.count); }},
                          failures};

  private:
    int next_id_ = 0;
};

TEST_F(effects_worker_test, takes_a_bounded_number_at_a_time_until_none_waits) {
    store_audits(100);
    EXPECT_EQ(worker.apply(), milliseconds{1000});
    EXPECT_EQ(applied(), "100");
    EXPECT_EQ(counted, 100);
    EXPECT_EQ(transactions, 2);
    EXPECT_THAT(left, testing::ElementsAre(0));
    EXPECT_EQ(worker.pulse().read(heartbeat::clock::now()).state, part_state::working);
}

TEST_F(effects_worker_test, backs_off_while_the_database_fails_and_goes_on_after_it) {
    store_audits(1);
    tests::execute(database, "ALTER TABLE ingest.effect_queue RENAME TO away");
    EXPECT_EQ(worker.apply(), milliseconds{50});
    EXPECT_EQ(worker.apply(), milliseconds{100});
    for (int i = 0; i < 10; ++i) {
        static_cast<void>(worker.apply());
    }
    EXPECT_EQ(worker.apply(), milliseconds{5000});
    tests::execute(database, "ALTER TABLE ingest.away RENAME TO effect_queue");
    EXPECT_EQ(worker.apply(), milliseconds{1000});
    EXPECT_EQ(applied(), "1");
    EXPECT_FALSE(failures.has_failed());
}

// A right that is missing, or a lock that another session holds.
TEST_F(effects_worker_test, stands_still_and_counts_what_waits_while_the_database_refuses_it) {
    store_audits(3);
    tests::execute(database, "ALTER TABLE identity.audit_logs RENAME TO away");
    static_cast<void>(worker.apply());
    EXPECT_THAT(left, testing::ElementsAre(3));
    auto const later = heartbeat::clock::now() + std::chrono::seconds{31};
    EXPECT_EQ(worker.pulse().read(later).state, part_state::refused_by_database);
    EXPECT_GE(worker.pulse().read(later).standing(), std::chrono::seconds{31});
    EXPECT_THAT(worker.pulse().detail(), testing::HasSubstr("audit_logs"));

    tests::execute(database, "ALTER TABLE identity.away RENAME TO audit_logs");
    static_cast<void>(worker.apply());
    EXPECT_EQ(applied(), "3");
    EXPECT_EQ(worker.pulse().read(later).state, part_state::working) << "until its thread rests";
}

TEST_F(effects_worker_test, applies_what_is_queued_before_it_ends_a_drain) {
    worker.start();
    store_audits(200);
    EXPECT_TRUE(worker.drain(std::chrono::seconds{20}));
    EXPECT_EQ(applied(), "200");
}

} // namespace
} // namespace tally::daemon
