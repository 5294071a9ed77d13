#include "tests/storage/sql_schema/context_fixture.hpp"
#include "tests/support/billing_fixture.hpp"

#include <gmock/gmock.h>

// Plans as they are sold, prices of metrics, invoices and payments.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char const* check_violation = "23514";
constexpr char const* unique_violation = "23505";
constexpr char const* foreign_key_violation = "23503";

class billing_schema_test : public context_test {
  protected:
    static constexpr char const* plan = "'00000000-0000-7000-8000-0000000000cc'";
    static constexpr char const* owner = "'00000000-0000-7000-8000-0000000000aa'";

    billing_schema_test() {
        tests::make_telecom(database_, 2);
        make_users(2);
    }

    std::string add_plan(std::string const& code, std::string const& columns,
                         std::string const& values) {
        return refused("INSERT INTO rate_plans (code, name, " + columns + ") VALUES ('" + code +
                       "', 'Plan', " + values + ")");
    }
    /// A row for the subscription, account and customer of SUB-1.
    std::string add(std::string const& table, std::string const& columns,
                    std::string const& values) {
        return refused("INSERT INTO " + table + " (customer_id, account_id, subscription_id, " +
                       columns + ") SELECT customer_id, account_id, id, " + values +
                       " FROM subscriptions WHERE subscription_number = 'SUB-1'");
    }
    std::string add_invoice(std::string const& number, std::string const& columns = "subtotal",
                            std::string const& values = "100") {
        return add("invoices", "invoice_number, due_date, " + columns,
                   "'" + number + "', current_date + 14, " + values);
    }
    std::string add_payment(std::string const& number, std::string const& columns = "amount",
                            std::string const& values = "100") {
        return add("payments", "payment_number, " + columns, "'" + number + "', " + values);
    }
};

TEST_F(billing_schema_test, sells_one_plan_a_tier_and_interval_until_it_is_deleted) {
    EXPECT_EQ(add_plan("p1", "tier, billing_interval, stripe_price_id", "'pro', 'monthly', 'x'"),
              "");
    EXPECT_EQ(add_plan("p2", "tier, billing_interval", "'pro', 'monthly'"), unique_violation);
    EXPECT_EQ(add_plan("p3", "tier, billing_interval", "'pro', 'yearly'"), "");
    EXPECT_EQ(add_plan("p4", "billing_interval", "'monthly'"), "");
    EXPECT_EQ(add_plan("p5", "billing_interval", "'monthly'"), "");
    EXPECT_EQ(add_plan("p6", "stripe_price_id", "'x'"), unique_violation);
    EXPECT_EQ(add_plan("p7", "tier", "'platinum'"), "22P02");
    EXPECT_EQ(add_plan("p8", "monthly_price", "-1"), check_violation);
    EXPECT_EQ(add_plan("p9", "lifetime_price", "-1"), check_violation);
    session_.execute("UPDATE rate_plans SET deleted_at = now() WHERE code = 'p1'");
    EXPECT_EQ(add_plan("p2", "tier, billing_interval", "'pro', 'monthly'"), "");
}

TEST_F(billing_schema_test, shows_plans_with_the_price_of_their_interval) {
    std::string const prices = "monthly_price, annual_price, lifetime_price, currency, tier, "
                               "billing_interval, features, display_order";
    for (auto const& [code, tail] :
         {std::pair{"m", "'pro', 'monthly', '{\"a\": 1}', 2"},
          std::pair{"y", "'pro', 'yearly', '{}', 3"}, std::pair{"l", "'pro', 'lifetime', '{}', 4"},
          std::pair{"n", "'free', 'none', '{}', 1"}}) {
        EXPECT_EQ(add_plan(code, prices, std::string{"29.99, 288, 999, 'USD', "} + tail), "");
    }
    EXPECT_THAT(rows("SELECT tier, billing_interval, price::numeric(9, 2), currency, features, "
                     "is_active FROM subscription_plans WHERE tier IS NOT NULL ORDER BY "
                     "display_order"),
                ElementsAre("free|none|0.00|USD|{}|t", "pro|monthly|29.99|USD|{\"a\": 1}|t",
                            "pro|yearly|288.00|USD|{}|t", "pro|lifetime|999.00|USD|{}|t"));
}

TEST_F(billing_schema_test, gives_a_user_one_subscription_of_each_running_status) {
    std::string const of_user = "UPDATE subscriptions SET user_id = '" + user(1) + "', status = ";
    std::string const first = " WHERE subscription_number = 'SUB-1'";
    std::string const second = " WHERE subscription_number = 'SUB-2'";
    EXPECT_EQ(refused(of_user + "'active'" + first), "");
    EXPECT_EQ(refused(of_user + "'active'" + second), unique_violation);
    EXPECT_EQ(refused(of_user + "'trialing'" + second), "");
    EXPECT_EQ(refused(of_user + "'expired'" + first), "");
    EXPECT_EQ(refused(of_user + "'expired'" + second), "");
    EXPECT_EQ(refused(of_user + "'active', deleted_at = now()" + first), "");
    EXPECT_EQ(refused(of_user + "'active'" + second), "");
}

TEST_F(billing_schema_test, refuses_subscriptions_that_make_no_sense) {
    for (char const* change :
         {"trial_started_at = '2026-02-01Z', trial_ends_at = '2026-01-01Z'",
          "current_period_start = '2026-02-01Z', current_period_end = '2026-02-01Z'",
          "ended_at = '2025-12-31Z'", "discount_percent = 100.01", "discount_percent = -1",
          "price = -0.01", "currency = 'inr'"}) {
        EXPECT_EQ(refused(std::string{"UPDATE subscriptions SET "} + change), check_violation)
            << change;
    }
    EXPECT_EQ(refused("UPDATE subscriptions SET stripe_subscription_id = 'sub_1'"),
              unique_violation);
    for (char const* status : {"incomplete", "trialing", "active", "past_due", "paused",
                               "suspended", "canceled", "expired"}) {
        EXPECT_EQ(refused(std::string{"UPDATE subscriptions SET status = '"} + status + "'"), "");
    }
}

TEST_F(billing_schema_test, adds_up_an_invoice) {
    EXPECT_EQ(add_invoice("INV-1",
                          "subtotal, discount_amount, tax_percent, tax_amount, amount_paid",
                          "100, 10.5, 18, 16.11, 50"),
              "");
    EXPECT_THAT(rows("SELECT amount, amount_due, status, line_items FROM invoices"),
                ElementsAre("105.610000000|55.610000000|draft|[]"));
}

TEST_F(billing_schema_test, refuses_invoices_that_make_no_sense) {
    for (auto const& [columns, values] :
         {std::pair{"subtotal", "-1"}, std::pair{"subtotal, discount_amount", "1, 2"},
          std::pair{"subtotal, usage_amount", "1, 2"}, std::pair{"tax_percent", "101"},
          std::pair{"tax_amount", "-1"}, std::pair{"amount_paid", "-1"},
          std::pair{"currency", "'rupees'"}, std::pair{"currency", "'12A'"},
          std::pair{"issue_date", "current_date + 15"}, std::pair{"line_items", "'{}'"},
          std::pair{"status", "'paid'"}, std::pair{"status", "'void'"},
          std::pair{"voided_at", "now()"},
          std::pair{"billing_period_start, billing_period_end", "now(), now()"}}) {
        EXPECT_THAT(add_invoice("INV", columns, values), testing::AnyOf(check_violation, "22001"))
            << columns;
    }
    EXPECT_EQ(add_invoice(""), check_violation);
    EXPECT_EQ(add_invoice("INV-1", "stripe_invoice_id", "'in_1'"), "");
    EXPECT_EQ(add_invoice("INV-2", "stripe_invoice_id", "'in_1'"), unique_violation);
    session_.execute("UPDATE invoices SET deleted_at = now()");
    EXPECT_EQ(add_invoice("INV-1"), unique_violation); // an invoice number is used once
}

TEST_F(billing_schema_test, refuses_payments_that_make_no_sense) {
    for (auto const& [columns, values] :
         {std::pair{"amount", "0"}, std::pair{"amount", "-1"},
          std::pair{"amount, refunded_amount", "1, 1.01"}, std::pair{"amount, fee_amount", "1, -1"},
          std::pair{"amount, currency", "1, 'inr'"}, std::pair{"amount, status", "1, 'succeeded'"},
          std::pair{"amount, status", "1, 'refunded'"}, std::pair{"amount, gateway", "1, ''"}}) {
        EXPECT_EQ(add_payment("PAY", columns, values), check_violation) << columns << values;
    }
    std::string const at_gateway = "amount, gateway, gateway_payment_id";
    EXPECT_EQ(add_payment("PAY-1", at_gateway, "1, 'stripe', 'x'"), "");
    EXPECT_EQ(add_payment("PAY-2", at_gateway, "1, 'stripe', 'x'"), unique_violation);
    EXPECT_EQ(add_payment("PAY-2", at_gateway, "1, 'razorpay', 'x'"), "");
    EXPECT_EQ(add_payment("PAY-2"), unique_violation);
    EXPECT_EQ(add_payment("PAY-3", "amount, stripe_payment_intent_id", "1, 'pi'"), "");
    EXPECT_EQ(add_payment("PAY-4", "amount, stripe_payment_intent_id", "1, 'pi'"),
              unique_violation);
}

TEST_F(billing_schema_test, keeps_one_default_method_of_a_customer) {
    auto const method = [this](std::string const& columns, std::string const& values) {
        return refused("INSERT INTO payment_methods (customer_id, method_type, gateway, " +
                       columns + ") SELECT id, 'card', 'stripe', " + values + " FROM customers");
    };
    std::string const token = "is_default, gateway_payment_method_id";
    EXPECT_EQ(method(token, "true, 'pm_1'"), "");
    EXPECT_EQ(method(token, "true, 'pm_2'"), unique_violation);
    EXPECT_EQ(method(token, "false, 'pm_1'"), unique_violation);
    EXPECT_EQ(method(token, "false, 'pm_2'"), "");
    session_.execute("UPDATE payment_methods SET deleted_at = now() WHERE is_default");
    EXPECT_EQ(method(token, "true, 'pm_1'"), "");
    std::string const card = "card_exp_month, card_exp_year";
    EXPECT_EQ(method(card, "13, 2030"), check_violation);
    EXPECT_EQ(method(card, "0, 2030"), check_violation);
    EXPECT_EQ(method(card, "12, NULL"), check_violation);
    EXPECT_EQ(method(card, "12, 2030"), "");
    EXPECT_EQ(method("card_last4", "'12345'"), check_violation);
}

TEST_F(billing_schema_test, a_payment_outlives_its_invoice_and_method) {
    ASSERT_EQ(add_invoice("INV-1"), "");
    session_.execute("INSERT INTO payment_methods (customer_id, method_type, gateway) SELECT id, "
                     "'upi', 'razorpay' FROM customers");
    ASSERT_EQ(add_payment("PAY-1", "amount, invoice_id, payment_method_id",
                          "1, (SELECT id FROM invoices), (SELECT id FROM payment_methods)"),
              "");
    session_.execute("DELETE FROM invoices; DELETE FROM payment_methods");
    EXPECT_THAT(rows("SELECT payment_number, invoice_id, payment_method_id FROM payments"),
                ElementsAre("PAY-1|NULL|NULL"));
}

TEST_F(billing_schema_test, takes_papers_along_with_a_subscription_that_was_never_metered) {
    ASSERT_EQ(add_invoice("INV-1"), "");
    ASSERT_EQ(add_payment("PAY-1", "amount, invoice_id", "1, (SELECT id FROM invoices)"), "");
    session_.execute("INSERT INTO payment_transactions (payment_id, amount) SELECT id, 1 FROM "
                     "payments");
    for (char const* table : {"accounts WHERE account_number = 'ACC-1'", "customers"}) {
        EXPECT_EQ(refused(std::string{"DELETE FROM "} + table), foreign_key_violation) << table;
    }
    session_.execute("INSERT INTO subscription_metric_usage (subscription_id, account_id, "
                     "billing_period_start, billing_period_end, metric, currency, created_at, "
                     "updated_at) SELECT id, account_id, '2026-01-01Z', '2026-02-01Z', 'sms', "
                     "'INR', now(), now() FROM subscriptions");
    std::string const removal = "DELETE FROM subscriptions WHERE subscription_number = 'SUB-1'";
    EXPECT_EQ(refused(removal), foreign_key_violation);
    session_.execute("DELETE FROM subscription_metric_usage");
    EXPECT_EQ(refused(removal), "");
    EXPECT_THAT(rows("SELECT (SELECT count(*) FROM invoices), (SELECT count(*) FROM payments), "
                     "(SELECT count(*) FROM payment_transactions)"),
                ElementsAre("0|0|0"));
}

TEST_F(billing_schema_test, a_users_own_subscription_goes_with_them_and_the_customers_user_stays) {
    session_.execute("UPDATE subscriptions SET user_id = '" + user(1) +
                     "' WHERE subscription_number = 'SUB-1'");
    EXPECT_EQ(refused("DELETE FROM users WHERE id = '" + user(1) + "'"), "");
    EXPECT_THAT(rows("SELECT subscription_number FROM subscriptions"), ElementsAre("SUB-2"));
    EXPECT_EQ(refused(std::string{"DELETE FROM users WHERE id = "} + owner), foreign_key_violation);
    EXPECT_EQ(refused("DELETE FROM rate_plans"), foreign_key_violation);
}

TEST_F(billing_schema_test, records_attempts_at_a_gateway) {
    auto const attempt = [this](std::string const& columns, std::string const& values) {
        return refused("INSERT INTO payment_transactions (client_id, " + columns + ") VALUES ('" +
                       user(1) + "', " + values + ")");
    };
    EXPECT_EQ(attempt("amount", "0"), check_violation);
    EXPECT_EQ(attempt("amount, status", "1, 'succeeded'"), check_violation);
    EXPECT_EQ(attempt("amount, status", "1, 'maybe'"), "22P02");
    std::string const answered = "amount, status, completed_at, payment_gateway, "
                                 "gateway_transaction_id, gateway_response";
    EXPECT_EQ(attempt(answered, "1, 'succeeded', now(), 'stripe', 't', '{}'"), "");
    EXPECT_EQ(attempt(answered, "1, 'failed', now(), 'stripe', 't', '{}'"), unique_violation);
    EXPECT_EQ(refused("DELETE FROM users WHERE id = '" + user(1) + "'"), foreign_key_violation);
}

TEST_F(billing_schema_test, prices_a_metric_by_what_its_model_needs) {
    auto const metric = [this](std::string const& columns, std::string const& values) {
        return refused("INSERT INTO metric_prices (rate_plan_id, name, " + columns + ") SELECT " +
                       plan + ", 'sms', " + values);
    };
    EXPECT_EQ(metric("model", "'per_unit'"), check_violation);
    EXPECT_EQ(metric("model, price", "'package', 1"), check_violation);
    EXPECT_EQ(metric("model, package", "'package', 10"), check_violation);
    EXPECT_EQ(metric("model", "'percentage'"), check_violation);
    EXPECT_EQ(metric("model, percent", "'percentage', 101"), check_violation);
    EXPECT_EQ(metric("price", "-1"), check_violation);
    EXPECT_EQ(metric("price, included", "1, -1"), check_violation);
    EXPECT_EQ(metric("price, minimum, maximum", "1, 2, 1"), check_violation);
    EXPECT_EQ(metric("price, aggregation", "1, 'unique'"), check_violation);
    EXPECT_EQ(metric("price, unique_property", "1, 'user'"), check_violation);
    EXPECT_EQ(metric("price, effective_from, effective_to", "1, now(), now()"), check_violation);
    EXPECT_EQ(metric("price", "0.10"), "");
    EXPECT_EQ(metric("price", "0.20"), unique_violation);
    EXPECT_EQ(metric("model, price, package, effective_from", "'package', 1, 1024, now()"), "");
}

TEST_F(billing_schema_test, has_one_last_tier_and_each_bound_once) {
    session_.execute("INSERT INTO metric_prices (rate_plan_id, name, model) SELECT " +
                     std::string{plan} + ", 'data_mb', 'graduated'");
    auto const tier = [this](std::string const& values) {
        return refused("INSERT INTO metric_tiers (metric_price_id, position, up_to, price, flat) "
                       "SELECT id, " +
                       values + " FROM metric_prices");
    };
    EXPECT_EQ(tier("0, 1000, 0.10, 0"), "");
    EXPECT_EQ(tier("1, NULL, 0.05, 1"), "");
    EXPECT_EQ(tier("2, NULL, 0.05, 1"), unique_violation);
    EXPECT_EQ(tier("2, 1000, 0.05, 1"), unique_violation);
    EXPECT_EQ(tier("2, 0, 0.05, 1"), check_violation);
    EXPECT_EQ(tier("2, 2000, -0.05, 1"), check_violation);
    session_.execute("DELETE FROM metric_prices");
    EXPECT_THAT(rows("SELECT * FROM metric_tiers"), IsEmpty());
}

TEST_F(billing_schema_test, refuses_metric_usage_that_makes_no_sense) {
    auto const usage = [this](std::string const& columns, std::string const& values) {
        return refused("INSERT INTO subscription_metric_usage (subscription_id, account_id, "
                       "currency, created_at, updated_at, metric, billing_period_start, "
                       "billing_period_end" +
                       columns +
                       ") SELECT id, account_id, 'INR', now(), now(), 'sms', '2026-01-01Z', " +
                       values + " FROM subscriptions WHERE subscription_number = 'SUB-1'");
    };
    EXPECT_EQ(usage("", "'2026-01-01Z'"), check_violation);
    EXPECT_EQ(usage(", events_count", "'2026-02-01Z', -1"), check_violation);
    EXPECT_EQ(usage(", included_quantity_used", "'2026-02-01Z', -1"), check_violation);
    EXPECT_EQ(usage(", version", "'2026-02-01Z', 0"), check_violation);
    EXPECT_EQ(usage("", "'2026-02-01Z'"), "");
    EXPECT_EQ(usage("", "'2026-02-01Z'"), unique_violation);
}

} // namespace
} // namespace tally::storage
