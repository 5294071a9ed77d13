#include "tests/support/billing_fixture.hpp"

#include "storage/postgres/sql_session.hpp"

#include <cstdio>

namespace tally::tests {

std::string query_one(std::string const& connection_string, std::string_view sql) {
    auto const rows = query_rows(connection_string, sql);
    return rows.empty() ? std::string{} : rows.front();
}

std::vector<std::string> query_rows(std::string const& connection_string, std::string_view sql) {
    storage::sql_session session{connection_string, "test"};
    std::vector<std::string> rows;
    for (auto const& row : session.execute(std::string{sql})) {
        std::string line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            line += column == 0 ? "" : "|";
            line += row.text(column);
        }
        rows.push_back(std::move(line));
    }
    return rows;
}

void execute(std::string const& connection_string, std::string_view sql) {
    (void)query_rows(connection_string, sql);
}

std::string did_of(int account) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "9180%08d", account);
    return digits;
}

void make_telecom(std::string const& connection_string, int accounts) {
    execute(connection_string, R"sql(
        INSERT INTO identity.users (id, email, username)
            VALUES ('00000000-0000-7000-8000-0000000000aa', 'a@example.com', 'a');
        INSERT INTO billing.customers (id, user_id)
            VALUES ('00000000-0000-7000-8000-0000000000bb', '00000000-0000-7000-8000-0000000000aa');
        INSERT INTO billing.rate_plans (id, code, name, time_zone, included_minutes)
            VALUES ('00000000-0000-7000-8000-0000000000cc', 'basic', 'Basic', 'UTC', 10);
        INSERT INTO billing.rates (id, rate_plan_id, prefix, direction, connect_fee, allowance) VALUES
            ('00000000-0000-7000-8000-000000000d01', '00000000-0000-7000-8000-0000000000cc', '', 'outbound', 0, false),
            ('00000000-0000-7000-8000-000000000d02', '00000000-0000-7000-8000-0000000000cc', '91', 'outbound', 0, true),
            ('00000000-0000-7000-8000-000000000d03', '00000000-0000-7000-8000-0000000000cc', '44', 'outbound', 0.5, false),
            ('00000000-0000-7000-8000-000000000d04', '00000000-0000-7000-8000-0000000000cc', '', 'inbound', 0, false);
        INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s) VALUES
            ('00000000-0000-7000-8000-000000000d01', 0, 0.60, 60, 1),
            ('00000000-0000-7000-8000-000000000d02', 0, 0.30, 60, 1),
            ('00000000-0000-7000-8000-000000000d03', 0, 1.20, 60, 60),
            ('00000000-0000-7000-8000-000000000d03', 60, 1.20, 60, 6),
            ('00000000-0000-7000-8000-000000000d04', 0, 0, 60, 1);
    )sql");
    execute(connection_string, R"sql(
        INSERT INTO billing.accounts (customer_id, account_number, balance)
            SELECT '00000000-0000-7000-8000-0000000000bb', 'ACC-' || i, 100
            FROM generate_series(1, )sql" +
                                   std::to_string(accounts) + R"sql() i;
        INSERT INTO billing.subscriptions
                (subscription_number, customer_id, account_id, rate_plan_id, started_at)
            SELECT replace(account_number, 'ACC', 'SUB'), customer_id, id,
                   '00000000-0000-7000-8000-0000000000cc', '2026-01-01T00:00:00Z'
            FROM billing.accounts;
        INSERT INTO billing.dids (subscription_id, did_number, status)
            SELECT id, '+9180' || lpad(substring(subscription_number FROM 5), 8, '0'), 'active'
            FROM billing.subscriptions;
    )sql");
}

std::vector<std::string> four_sums(std::string const& connection_string) {
    return query_rows(connection_string, R"sql(
        SELECT coalesce(sum(cost), 0)::numeric(24, 9) FROM billing.cdrs
            WHERE processing_status <> 'void'
        UNION ALL SELECT sum(100 - balance)::numeric(24, 9) FROM billing.accounts
        UNION ALL SELECT coalesce(sum(total_cost), 0)::numeric(24, 9) FROM billing.subscription_usage
        UNION ALL SELECT coalesce(sum(cost), 0)::numeric(24, 9) FROM analytics.usage_aggregates_daily
    )sql");
}

} // namespace tally::tests
