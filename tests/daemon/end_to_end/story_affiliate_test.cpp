#include "tests/daemon/end_to_end/story_fixture.hpp"

#include <gmock/gmock.h>

// A SaaS product: a visitor follows an affiliate's link, signs up, uses the product and pays.

namespace tally {
namespace {

using testing::ElementsAre;
using tests::json_object;

class sale_story : public tests::story_fixture {
  protected:
    sale_story() {
        sql(R"sql(
            INSERT INTO identity.users (id, email, username) VALUES
                ('00000000-0000-7000-8000-0000000000a1', 'ann@blog.example', 'ann'),
                ('00000000-0000-7000-8000-0000000000a2', 'bob@mail.example', 'bob'),
                ('00000000-0000-7000-8000-0000000000a3', 'eve@mail.example', 'eve');
            INSERT INTO affiliates.affiliates (id, user_id, affiliate_code, status, commission_rate, cookie_days) VALUES
                ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'ann', 'active', 12.5, 30),
                ('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000a3', 'eve', 'active', 10, 30))sql");
    }
    tests::event_json click(std::string_view visitor, std::string_view time) {
        return event("affiliate.click", time)
            .data(json_object{}
                      .with("affiliate_code", "ann")
                      .with("visitor_id", visitor)
                      .with("utm_source", "blog")
                      .with("utm_campaign", "autumn")
                      .with("landing_page", "/pricing")
                      .with("country", "DE")
                      .with("ip_address", "10.0.0.9"));
    }
    tests::event_json sale(std::string_view author, std::string_view user, std::string_view value,
                           std::string_view time) {
        return event("affiliate.conversion", time)
            .data(json_object{}
                      .with("affiliate_code", author)
                      .with("user_id", "00000000-0000-7000-8000-0000000000" + std::string{user})
                      .with("value", value));
    }
    [[nodiscard]] std::vector<std::string> performance() const {
        return rows(
            "SELECT affiliate_code, clicks, unique_visitors, total_referrals, total_conversions,"
            " trim_scale(pending_earnings) FROM affiliates.affiliate_performance ORDER BY "
            "affiliate_code");
    }
};

TEST_F(sale_story, pays_the_affiliate_for_the_sale_and_counts_what_the_product_tells) {
    push({click("v-1", "2026-05-04T09:00:00Z"), click("v-1", "2026-05-04T09:01:00Z"),
          click("v-2", "2026-05-04T10:00:00Z"),
          sale("ann", "a2", "79.99", "2026-05-07T10:00:00Z")});
    // 12.5 percent of 79.99, to the last digit
    EXPECT_THAT(performance(), ElementsAre("ann|3|2|1|1|9.99875", "eve|0|0|0|0|0"));
    EXPECT_THAT(
        rows("SELECT utm_source, utm_campaign, country, ip_address FROM affiliates.affiliate_clicks"
             " GROUP BY 1, 2, 3, 4"),
        ElementsAre("blog|autumn|DE|10.0.0.9"));

    // A renewal earns again; another affiliate cannot claim the same customer.
    push({sale("ann", "a2", "20", "2026-06-06T10:00:00Z"),
          sale("eve", "a2", "20", "2026-05-08T10:00:00Z"),
          sale("zoe", "a2", "20", "2026-05-08T10:00:00Z")});
    EXPECT_THAT(rows("SELECT reason FROM ingest.suspense ORDER BY 1"),
                ElementsAre("referral_taken", "unknown_affiliate"));
    EXPECT_THAT(performance(), ElementsAre("ann|3|2|1|1|12.49875", "eve|0|0|0|0|0"));

    push(
        {event("feature.used", "2026-05-08T10:00:00Z")
             .data(
                 R"({"feature":"export","user_id":"00000000-0000-7000-8000-0000000000a2","category":"reports"})"),
         event("feature.used", "2026-05-07T10:00:00Z")
             .data(
                 R"({"feature":"export","user_id":"00000000-0000-7000-8000-0000000000a2","count":2})"),
         event("api.request", "2026-05-08T10:00:00Z")
             .data(R"({"method":"GET","endpoint":"/v1/items/{id}","status":200,"latency_ms":12})"),
         event("api.request", "2026-05-08T11:00:00Z")
             .data(R"({"method":"GET","endpoint":"/v1/items/{id}","status":500,"latency_ms":900})"),
         event("app.error", "2026-05-08T11:00:00Z")
             .data(
                 R"({"message":"timeout","error_type":"Timeout","severity":"error","service":"items"})"),
         event("app.error", "2026-05-08T11:00:01Z")
             .data(
                 R"({"message":"timeout","error_type":"Timeout","severity":"critical","service":"items"})"),
         event("audit.action", "2026-05-08T12:00:00Z")
             .data(
                 R"({"action":"UPDATE","entity_type":"user","entity_id":"a2","user_id":"00000000-0000-7000-8000-0000000000a2",)"
                 R"("old_values":{"plan":"free"},"new_values":{"plan":"pro"}})")});
    push_all_again();
    EXPECT_THAT(performance(), ElementsAre("ann|3|2|1|1|12.49875", "eve|0|0|0|0|0"));
    EXPECT_EQ(ask("SELECT concat_ws('|', uses_count, category, last_used_at - first_used_at) FROM "
                  "analytics.feature_usage"),
              "3|reports|1 day");
    EXPECT_EQ(ask("SELECT concat_ws('|', requests, server_errors, duration_ms_total) FROM "
                  "analytics.api_usage_daily"),
              "2|1|912");
    EXPECT_EQ(
        ask("SELECT concat_ws('|', occurrences, severity, error_type) FROM analytics.error_groups"),
        "2|critical|Timeout");
    EXPECT_EQ(ask("SELECT concat_ws('|', action, old_values ->> 'plan', new_values ->> 'plan') "
                  "FROM identity.audit_logs"),
              "UPDATE|free|pro");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense WHERE reason NOT IN ('referral_taken', "
                  "'unknown_affiliate')"),
              "0");
}

} // namespace
} // namespace tally
