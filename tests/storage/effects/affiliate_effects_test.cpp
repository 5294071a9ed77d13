#include "tests/storage/effects/effects_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

// The effects of affiliate.click and affiliate.conversion: clicks, referrals, commissions,
// statistics.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using tests::json_object;

class affiliate_effects : public effects_test {
  protected:
    void SetUp() override {
        effects_test::SetUp();
        session_.query(
            "INSERT INTO affiliates (id, user_id, affiliate_code, status, commission_rate, "
            "cookie_days, currency) VALUES "
            "($1, $2, 'ann', 'active', 12.5, 30, 'EUR'), ($3, $4, 'eve', 'active', 10, 30, 'EUR'), "
            "($5, $6, 'new', 'pending', 10, 30, 'EUR')",
            {id('a', 1), user(1), id('a', 2), user(2), id('a', 3), user(3)});
        session_.execute(
            "SELECT ingest.create_partition('affiliates.affiliate_clicks', '2026-03-02')");
    }
    usage_event sale(std::string const& code, std::string const& value, int second,
                     json_object more = {}) {
        return {"affiliate.conversion", at(second), more.with("value", value).text(), code};
    }
    static json_object by(int number) { return json_object{}.with("user_id", user(number)); }
    std::vector<std::string> totals() {
        return rows("SELECT affiliate_code, total_referrals, total_conversions, "
                    "trim_scale(pending_earnings) FROM affiliates "
                    "WHERE status = 'active' ORDER BY 1");
    }
};

TEST_F(affiliate_effects, keeps_each_click_once) {
    auto const data = json_object{}
                          .with("click_id", id('c', 1))
                          .with("visitor_id", "v")
                          .with("utm_source", "mail")
                          .with("country", "de")
                          .with("deal", 7)
                          .text();
    EXPECT_EQ(apply({"affiliate.click", at(1), data, "ANN"}), "ok");
    EXPECT_EQ(apply({"affiliate.click", at(1), data, "ann"}), "ok");
    EXPECT_EQ(
        apply({"affiliate.click", at(2), json_object{}.with("affiliate_id", id('a', 1)).text()}),
        "ok");
    EXPECT_EQ(apply({"affiliate.click", at(2), "{}", "nobody"}), "unknown_affiliate");
    EXPECT_EQ(apply({"affiliate.click", at(2),
                     json_object{}.with("visitor_id", std::string(1025, 'v')).text(), "ann"}),
              "field_too_long");
    EXPECT_THAT(rows("SELECT visitor_id, utm_source, country, metadata ->> 'deal' FROM "
                     "affiliate_clicks ORDER BY clicked_at"),
                ElementsAre("v|mail|DE|7", "NULL|NULL|NULL|NULL"));
}

TEST_F(affiliate_effects, earns_a_commission_to_the_last_digit) {
    EXPECT_EQ(apply(sale("ann", "79.99", 1, by(4))), "ok");
    EXPECT_EQ(apply(sale("ann", "0.000000001", 2, by(4))), "ok");
    EXPECT_THAT(rows("SELECT trim_scale(base_amount), trim_scale(rate), trim_scale(amount), "
                     "currency, status FROM affiliate_commissions "
                     "ORDER BY earned_at"),
                ElementsAre("79.99|12.5|9.99875|EUR|pending", "0.000000001|12.5|0|EUR|pending"));
    EXPECT_THAT(totals(), ElementsAre("ann|1|1|9.99875", "eve|0|0|0"));
    EXPECT_EQ(value("SELECT trim_scale(conversion_value) FROM affiliate_referrals"), "79.99");
}

TEST_F(affiliate_effects, refuses_what_nobody_can_be_paid_for) {
    EXPECT_EQ(apply(sale("zoe", "1", 1)), "unknown_affiliate");
    EXPECT_EQ(apply(sale("new", "1", 1)), "affiliate_not_active");
    EXPECT_EQ(apply(sale("ann", "1", 1, json_object{}.with("currency", "USD"))), "wrong_currency");
    EXPECT_EQ(apply(sale("ann", "1", 1, json_object{}.with("user_id", id('f', 9)))),
              "unknown_user");
    EXPECT_EQ(apply(sale("ann", "-1", 1)), "bad_value");
    EXPECT_EQ(apply(sale("ann", "1", 1, by(5).with("clicked_at", "2026-01-30T00:00:00Z"))),
              "conversion_expired");
    EXPECT_EQ(apply(sale("ann", "1", 1, by(5).with("clicked_at", "2026-02-01T00:00:00Z"))), "ok");
    EXPECT_EQ(apply(sale("eve", "1", 2, by(5))), "referral_taken");
    EXPECT_THAT(totals(), ElementsAre("ann|1|1|0.125", "eve|0|0|0"));
}

TEST_F(affiliate_effects, ends_the_same_in_any_order) {
    auto const seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    constexpr std::string_view mail = "five@example.com";
    std::vector<usage_event> events{sale("ann", "10", 30, by(4)), sale("ann", "20", 10, by(4)),
                                    sale("ann", "40", 20, by(5).with("email", mail)),
                                    sale("ann", "80", 40, json_object{}.with("email", mail)),
                                    sale("eve", "5", 15, by(6))};
    std::vector<std::string> first;
    for (int round = 0; round < 12; ++round) {
        session_.execute("DELETE FROM affiliate_commissions; DELETE FROM affiliate_referrals");
        std::shuffle(events.begin(), events.end(), random);
        EXPECT_EQ(apply_all(events), 0U);
        auto const now =
            rows("SELECT affiliate_id, referred_user_id, status, conversion_value, converted_at, "
                 "(SELECT sum(amount) FROM affiliate_commissions WHERE referral_id = r.id) FROM "
                 "affiliate_referrals AS r "
                 "ORDER BY 1, 2");
        first = round == 0 ? now : first;
        EXPECT_EQ(now, first);
        EXPECT_THAT(totals(), ElementsAre("ann|2|2|18.75", "eve|1|1|0.5"));
    }
}

} // namespace
} // namespace tally::storage
