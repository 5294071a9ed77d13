#include "bench/support/catalog_sql.hpp"

#include "rating/money/money.hpp"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace tally::bench {
namespace {

/// sample_catalog::active_from as a timestamp with time zone.
constexpr std::string_view active_since = "2025-01-01 00:00:00+00";

/// One row of COPY's text format. No value here needs escaping.
void append_row(std::string& rows, std::initializer_list<std::string_view> values) {
    char const* gap = "";
    for (auto const value : values) {
        rows.append(gap).append(value);
        gap = "\t";
    }
    rows += '\n';
}

std::string_view flag(bool value) {
    return value ? "t" : "f";
}

sql_step plans(sample_catalog const& catalog) {
    sql_step step{"COPY billing.rate_plans (id, code, name, monthly_price, currency, time_zone, "
                  "included_minutes, rounding, decimals) FROM STDIN",
                  {}};
    for (auto const& plan : catalog.plans) {
        append_row(step.rows, {ingest::to_string(plan.id), plan.code, plan.name, plan.monthly_price,
                               sample_catalog::currency, sample_catalog::time_zone,
                               std::to_string(plan.included_minutes), "half_up",
                               std::to_string(sample_catalog::rounds.decimals)});
    }
    return step;
}

sql_step rates(sample_catalog const& catalog) {
    sql_step step{"COPY billing.rates (id, rate_plan_id, prefix, name, direction, call_type, "
                  "connect_fee, allowance) FROM STDIN",
                  {}};
    for (auto const& plan : catalog.plans) {
        std::string const plan_id = ingest::to_string(plan.id);
        for (auto const& rate : plan.rates) {
            bool const is_outbound = rate.direction == ingest::call_direction::outbound;
            append_row(step.rows, {ingest::to_string(rate.id), plan_id, rate.prefix, rate.name,
                                   is_outbound ? "outbound" : "inbound", rate.call_type,
                                   rating::to_string(rate.connect_fee), flag(rate.allowance)});
        }
    }
    return step;
}

sql_step rate_steps(sample_catalog const& catalog) {
    sql_step step{
        "COPY billing.rate_steps (rate_id, from_s, price, unit_s, increment_s) FROM STDIN", {}};
    for (auto const& plan : catalog.plans) {
        for (auto const& rate : plan.rates) {
            std::string const rate_id = ingest::to_string(rate.id);
            for (auto const& s : rate.steps) {
                append_row(step.rows,
                           {rate_id, std::to_string(s.from_s), rating::to_string(s.price),
                            std::to_string(s.unit_s), std::to_string(s.increment_s)});
            }
        }
    }
    return step;
}

/// One row per subscriber, written by `row(rows, subscriber, index)`.
template <typename Row>
sql_step of_subscribers(sample_catalog const& catalog, std::string_view table, Row row) {
    sql_step step{"COPY " + std::string{table} + " FROM STDIN", {}};
    for (std::uint32_t i = 0; i < catalog.subscribers.size(); ++i) {
        row(step.rows, catalog.subscribers[i], i);
    }
    return step;
}

void append_user(std::string& rows, sample_subscriber const& subscriber, std::uint32_t index) {
    std::string const name = "bench-" + std::to_string(index);
    append_row(rows, {ingest::to_string(subscriber.user_id), name + "@example.com", name});
}

void append_customer(std::string& rows, sample_subscriber const& subscriber, std::uint32_t) {
    append_row(rows,
               {ingest::to_string(subscriber.customer_id), ingest::to_string(subscriber.user_id)});
}

void append_account(std::string& rows, sample_subscriber const& subscriber, std::uint32_t index) {
    append_row(rows,
               {ingest::to_string(subscriber.account_id), ingest::to_string(subscriber.customer_id),
                account_number(index), sample_catalog::first_balance, sample_catalog::currency});
}

void append_did(std::string& rows, sample_subscriber const& subscriber, std::uint32_t index) {
    append_row(rows,
               {ingest::to_string(subscriber.subscription_id), "+" + did_digits(index), "active"});
}

sql_step subscriptions(sample_catalog const& catalog) {
    return of_subscribers(
        catalog,
        "billing.subscriptions (id, subscription_number, customer_id, account_id, rate_plan_id, "
        "started_at, currency)",
        [&](std::string& rows, sample_subscriber const& subscriber, std::uint32_t index) {
            append_row(rows, {ingest::to_string(subscriber.subscription_id),
                              subscription_number(index), ingest::to_string(subscriber.customer_id),
                              ingest::to_string(subscriber.account_id),
                              ingest::to_string(catalog.plans[subscriber.plan].id), active_since,
                              sample_catalog::currency});
        });
}

} // namespace

std::vector<sql_step> catalog_sql(sample_catalog const& catalog) {
    std::vector<sql_step> steps;
    steps.push_back({"BEGIN", {}});
    steps.push_back(plans(catalog));
    steps.push_back(rates(catalog));
    steps.push_back(rate_steps(catalog));
    steps.push_back(of_subscribers(catalog, "identity.users (id, email, username)", append_user));
    steps.push_back(of_subscribers(catalog, "billing.customers (id, user_id)", append_customer));
    steps.push_back(of_subscribers(
        catalog, "billing.accounts (id, customer_id, account_number, balance, currency)",
        append_account));
    steps.push_back(subscriptions(catalog));
    steps.push_back(
        of_subscribers(catalog, "billing.dids (subscription_id, did_number, status)", append_did));
    steps.push_back({"COMMIT", {}});
    return steps;
}

std::string psql_script(std::vector<sql_step> const& steps) {
    std::string script = "\\set ON_ERROR_STOP on\n";
    for (auto const& step : steps) {
        script += step.statement + ";\n";
        if (!step.rows.empty()) {
            script += step.rows + "\\.\n";
        }
    }
    return script;
}

} // namespace tally::bench
