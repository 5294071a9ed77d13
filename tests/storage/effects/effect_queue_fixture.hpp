#pragma once

#include "storage/effects/effect_queue.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/event_maker.hpp"
#include "tests/support/json_object.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/test_lane.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

using ingest::event_kind;
using tests::execute;
using tests::query_one;
using tests::query_rows;
using tests::test_lane;

/// Two licenses: SALON-1 with 100 SMS, SALON-2 with none.
class effect_queue_test : public ::testing::Test {
  protected:
    effect_queue_test() {
        tests::make_telecom(database, 3);
        run("INSERT INTO licensing.licenses (key, product, plan, status, seats_total, dba,"
            " sms_purchased, sms_balance) VALUES"
            " ('SALON-1', 'Salon', 'Premium', 'active', 5, 'Curl', 100, 100),"
            " ('SALON-2', 'Salon', 'Basic', 'active', 2, 'Dye', 0, 0)");
    }
    ingest::event moved(std::string id, std::string const& type, std::string const& key,
                        int quantity) {
        auto made = events.event(std::move(id), event_kind::license, type);
        made.subject = events.keep(key);
        made.event_data = ingest::entity_data{made.subject};
        made.data = events.keep(tests::json_object{}.with("quantity", quantity).text());
        return made;
    }
    ingest::event sent(std::string id, std::string const& key, int quantity) {
        return moved(std::move(id), "license.sms.sent", key, quantity);
    }
    ingest::event bought(std::string id, std::string const& key, int quantity) {
        return moved(std::move(id), "license.sms.purchased", key, quantity);
    }
    void store(std::vector<ingest::event> const& some) const {
        test_lane{database}.store_all(some);
    }
    /// Applies all; "applied/suspended".
    std::string apply() {
        effect_counts done;
        auto const status = queue.apply_present([] { return false; }, done);
        EXPECT_TRUE(status.ok()) << status.detail;
        EXPECT_EQ(waiting(), "0");
        return std::to_string(done.applied) + "/" + std::to_string(done.suspended);
    }
    result apply_next() {
        effect_counts ignored;
        return queue.apply_next(ignored);
    }
    void run(std::string_view sql) const { execute(database, sql); }
    [[nodiscard]] std::string ask(std::string_view sql) const { return query_one(database, sql); }
    [[nodiscard]] std::string waiting() const {
        return ask("SELECT count(*) FROM ingest.effect_queue");
    }
    /// "SALON-1 balance SALON-2 balance"
    [[nodiscard]] std::string credits() const {
        return ask("SELECT string_agg(key || ' ' || sms_balance, ' ' ORDER BY key)"
                   " FROM licensing.licenses");
    }
    [[nodiscard]] std::vector<std::string> suspended() const {
        return query_rows(database, "SELECT reason, convert_from(payload, 'UTF8'), state"
                                    " FROM ingest.suspense ORDER BY payload");
    }

    std::string database = tests::private_postgres::shared().migrated_database();
    tests::event_maker events;
    pq_connection connection{database, "test effects"};
    effect_queue queue{connection};
};

} // namespace tally::storage
