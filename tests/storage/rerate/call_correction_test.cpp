#include "tests/storage/rerate/rerate_fixture.hpp"

#include <stdexcept>

namespace tally::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using kind = correction_kind;

class call_correction : public tests::rerate_fixture {
  protected:
    /// A call to 44..., at 1.70 per minute, and one to 91..., which draws the allowance.
    void store_two() {
        lane.store_all({make.call(1, 1, "4420", 60), make.call(2, 1, "9198", 30)});
        expect_consistent();
    }
    static constexpr ingest::time_us later = tests::call_maker::base + 5 * minute;
    static constexpr char const* charged = "ca000000-0000-0000-0000-000000000001";
    static constexpr char const* drawn = "ca000000-0000-0000-0000-000000000002";
};

TEST_F(call_correction, void_takes_everything_back_and_restore_gives_it_again) {
    store_two();
    auto const whole = [this] {
        return one("SELECT concat_ws(' ', seconds_used, included_seconds_used, calls_count, "
                   "overage_cost, total_cost) FROM billing.subscription_usage") +
               "|" +
               one("SELECT concat_ws(' ', events, quantity, billable_quantity, cost) FROM "
                   "analytics.usage_aggregates_daily") +
               "|" + one("SELECT sum(balance) FROM billing.accounts");
    };
    auto const before = whole();
    auto const outcome = correct(kind::voided, 1, charged);
    EXPECT_TRUE(outcome.is_changed);
    EXPECT_EQ(outcome.old_status + " " + outcome.new_status + " " + outcome.cost,
              "rated void 1.700000000");
    EXPECT_EQ(one("SELECT concat_ws(' ', seconds_used, included_seconds_used, calls_count, "
                  "overage_cost, total_cost) FROM billing.subscription_usage"),
              "30 30 1 0.000000000 0.000000000");
    EXPECT_EQ(one("SELECT sum(balance) FROM billing.accounts"), "300.000000000");
    expect_consistent();
    correct(kind::voided, 1, drawn);
    EXPECT_EQ(one("SELECT included_seconds_used FROM billing.subscription_usage"), "0");
    expect_consistent();
    EXPECT_THAT(ratings(), ElementsAre("1.7/0/void", "0/30/void")); // the figures stay visible

    EXPECT_TRUE(correct(kind::restored, 1, charged).is_changed);
    EXPECT_TRUE(correct(kind::restored, 1, drawn).is_changed);
    EXPECT_EQ(whole(), before);
    EXPECT_THAT(ratings(), ElementsAre("1.7/0/rated", "0/30/rated"));
    EXPECT_EQ(one("SELECT string_agg(kind || ':' || old_status || '->' || new_status, ' ' ORDER BY "
                  "id) FROM billing.cdr_adjustments WHERE uuid = '" +
                  std::string{charged} + "'"),
              "void:rated->void restore:void->rated");
}

TEST_F(call_correction, doing_it_twice_changes_nothing) {
    store_two();
    for (auto const item : {kind::disputed, kind::voided, kind::restored, kind::restored}) {
        EXPECT_TRUE(correct(item, 1, charged).is_changed);
        expect_consistent();
        if (item != kind::restored) {
            EXPECT_FALSE(correct(item, 1, charged).is_changed);
        }
    }
    EXPECT_FALSE(correct(kind::restored, 1, charged).is_changed);
    expect_consistent();
    // Undone one by one: void, then the dispute before it.
    EXPECT_EQ(one("SELECT string_agg(new_status::text, ' ' ORDER BY id) FROM "
                  "billing.cdr_adjustments"),
              "disputed void disputed rated");
}

TEST_F(call_correction, a_dispute_leaves_the_money_where_it_is) {
    store_two();
    auto const balance = one("SELECT sum(balance) FROM billing.accounts");
    correct(kind::disputed, 1, charged);
    EXPECT_EQ(one("SELECT sum(balance) FROM billing.accounts"), balance);
    EXPECT_THAT(ratings(), ElementsAre("1.7/0/disputed", "0/30/rated"));
    EXPECT_EQ(one("SELECT corrections FROM billing.subscription_usage"), "1");
}

TEST_F(call_correction, an_allowance_given_back_is_free_for_calls_to_come) {
    tests::execute(connection, "UPDATE billing.rate_plans SET included_minutes = 1");
    lane.reload();
    lane.store_all({make.call(1, 1, "9198", 60), make.call(2, 1, "9198", 60)});
    correct(kind::voided, 1, charged);
    lane.store_all({make.call(3, 1, "9198", 60)});
    EXPECT_EQ(lane.retries_of("stale"), 1); // the lane noticed that the row it remembered was stale
    EXPECT_THAT(ratings(), ElementsAre("0/60/void", "0.3/0/rated", "0/60/rated"));
    expect_consistent();
}

TEST_F(call_correction, what_must_not_change_is_refused_with_a_reason) {
    store_two();
    EXPECT_THAT([&] { correct(kind::voided, 2, charged); },
                ThrowsMessage<std::runtime_error>(HasSubstr("'ACC-2' has no call ca000000")));
    tests::execute(connection, "UPDATE billing.cdrs SET processing_status = 'billed'");
    for (auto const item : {kind::voided, kind::disputed}) {
        EXPECT_THAT([&] { correct(item, 1, charged); },
                    ThrowsMessage<std::runtime_error>(HasSubstr("on an invoice")));
    }
    tests::execute(connection, "UPDATE billing.cdrs SET processing_status = 'rated'");
    correct(kind::voided, 1, charged);
    EXPECT_THAT([&] { correct(kind::disputed, 1, charged); },
                ThrowsMessage<std::runtime_error>(HasSubstr("restore it first")));
    expect_consistent();
}

TEST_F(call_correction, calls_of_one_id_are_told_apart_by_their_start) {
    lane.store_all({make.call(1, 1, "4420", 60), make.call(1, 1, "4420", 60, later)});
    EXPECT_THAT([&] { correct(kind::voided, 1, charged); },
                ThrowsMessage<std::runtime_error>(HasSubstr("2 calls of that id")));
    sql_session session{connection, "test"};
    call_corrector{session}.correct(
        kind::voided, {"ACC-1", charged, "2026-05-04T11:00:00.25+01:00"}, {"tester", "why"});
    EXPECT_EQ(one("SELECT processing_status FROM billing.cdrs ORDER BY start_time"), "void");
    expect_consistent();
}

} // namespace
} // namespace tally::storage
