#include "storage/catalog/source_loader.hpp"

#include "storage/catalog/listener.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace {

using namespace tally;
using namespace tally::tests;

TEST(source_loader, reads_every_field) {
    auto const database = private_postgres::shared().migrated_database();
    execute(database, R"(
        INSERT INTO ingest.sources (name, token_sha256, formats, time_zone, b_legs, percent_decode,
                body_bytes_max, record_bytes_max, is_active)
            VALUES ('a-switch', sha256('secret'), '{freeswitch,asterisk}', 'Asia/Kolkata', 'skip',
                    'off', 1000, 100, true),
                   ('old', sha256('older'), '{}', 'UTC', 'accept', 'on', 1, 1, false))");
    auto const loaded = storage::load_sources(database);
    ASSERT_TRUE(loaded.ok()) << loaded.status().detail;
    auto const& sources = *loaded->sources;
    ASSERT_EQ(sources.all().size(), 3U);
    EXPECT_EQ(sources.local().name, "local");
    EXPECT_EQ(ingest::to_string(sources.local().id), "00000000-0000-7000-8000-000000000001");
    EXPECT_FALSE(sources.local().has_token);
    EXPECT_TRUE(sources.any_token());

    ingest::source expected;
    expected.id = *ingest::parse_uuid(
        query_one(database, "SELECT id FROM ingest.sources WHERE name='a-switch'"));
    expected.name = "a-switch";
    expected.token_sha256 = ingest::token_digest("secret");
    expected.has_token = true;
    expected.formats = {"freeswitch", "asterisk"};
    expected.time_zone = "Asia/Kolkata";
    expected.b_legs = ingest::b_leg_policy::skip;
    expected.percent = ingest::percent_policy::never;
    expected.body_bytes_max = 1000;
    expected.record_bytes_max = 100;
    ASSERT_NE(sources.by_token("secret"), nullptr);
    EXPECT_EQ(*sources.by_token("secret"), expected);
    EXPECT_FALSE(sources.by_name("old")->is_active);
    EXPECT_EQ(sources.by_name("old")->percent, ingest::percent_policy::always);
    EXPECT_EQ(sources.by_token("older"), sources.by_name("old")); // the caller refuses it
}

TEST(source_loader, a_source_of_an_unknown_zone_is_switched_off) {
    auto const database = private_postgres::shared().migrated_database();
    execute(database, "INSERT INTO ingest.sources (name, time_zone) VALUES ('lost', 'No/Where')");
    auto const loaded = storage::load_sources(database);
    ASSERT_TRUE(loaded.ok());
    EXPECT_FALSE(loaded->sources->by_name("lost")->is_active);
    EXPECT_THAT(loaded->warnings.texts(),
                testing::ElementsAre(testing::HasSubstr("no time zone 'No/Where'")));
}

class listener : public testing::Test {
  protected:
    /// Whether a change is reported within two seconds.
    bool hears() {
        auto const changed = listener_.wait(2000);
        EXPECT_TRUE(changed.ok()) << changed.status().detail;
        return changed.ok() && *changed;
    }
    bool is_quiet() {
        auto const changed = listener_.wait(50);
        EXPECT_TRUE(changed.ok());
        return changed.ok() && !*changed;
    }

    std::string database = private_postgres::shared().migrated_database();
    storage::catalog_listener listener_{database};
};

TEST_F(listener, says_changed_when_it_begins_to_listen) {
    EXPECT_TRUE(hears());
    EXPECT_TRUE(is_quiet());
}

TEST_F(listener, hears_every_table_of_guiding_and_rating) {
    EXPECT_TRUE(hears());
    make_telecom(database, 2);
    EXPECT_TRUE(hears());
    while (!is_quiet()) {
    }
    for (auto const* sql :
         {"UPDATE billing.rate_plans SET name = 'x'", "UPDATE billing.rates SET grace_s = 1",
          "UPDATE billing.rate_steps SET unit_s = 30", "UPDATE billing.subscriptions SET price = 1",
          "DELETE FROM billing.dids", "UPDATE billing.accounts SET status = 'closed'",
          "INSERT INTO billing.destinations (prefix, name, call_type) VALUES ('1', 'a', 'b')",
          "INSERT INTO billing.metric_prices (rate_plan_id, name, price)"
          " SELECT id, 'sms', 1 FROM billing.rate_plans",
          "INSERT INTO billing.metric_tiers (metric_price_id, position)"
          " SELECT id, 0 FROM billing.metric_prices",
          "INSERT INTO ingest.sources (name) VALUES ('x')"}) {
        execute(database, sql);
        EXPECT_TRUE(hears()) << sql;
        EXPECT_TRUE(is_quiet()) << sql;
    }
}

TEST_F(listener, does_not_hear_a_balance_move) {
    EXPECT_TRUE(hears());
    make_telecom(database, 2);
    while (!is_quiet()) {
    }
    execute(database, "UPDATE billing.accounts SET balance = 1, updated_at = now()");
    EXPECT_TRUE(is_quiet());
}

TEST_F(listener, says_changed_after_a_lost_connection) {
    EXPECT_TRUE(hears());
    execute(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                      " application_name = 'tallyd listener' AND datname = current_database()");
    EXPECT_EQ(listener_.wait(2000).status().reason, storage::failure::transient);
    EXPECT_TRUE(hears());
    EXPECT_TRUE(is_quiet());
}

TEST_F(listener, a_cancelled_wait_ends) {
    EXPECT_TRUE(hears());
    std::jthread stopper{[this] {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        listener_.cancel();
    }};
    auto const begun = std::chrono::steady_clock::now();
    (void)listener_.wait(20'000);
    stopper.join();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{10});
}

} // namespace
