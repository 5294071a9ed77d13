#include "bench/e2e/totals.hpp"

#include "bench/support/sample_catalog.hpp"

#include <array>
#include <stdexcept>

namespace tally::bench {
namespace {

struct difference {
    std::string_view problem;
    std::string query; ///< counts rows that disagree
};

std::string moved() {
    return "(" + std::string{sample_catalog::first_balance} + " - balance)";
}

std::array<difference, 3> differences() {
    return {
        difference{"accounts whose balance moved by something else than their calls cost",
                   "SELECT count(*) FROM billing.accounts a FULL JOIN (SELECT account_id, "
                   "sum(cost) AS cost FROM billing.cdrs GROUP BY 1) c ON c.account_id = a.id "
                   "WHERE coalesce(c.cost, 0) IS DISTINCT FROM " +
                       moved()},
        difference{"subscriptions whose usage is not that of their calls",
                   "SELECT count(*) FROM (SELECT subscription_id, sum(total_cost) AS cost, "
                   "sum(calls_count) AS calls, sum(seconds_used) AS seconds, "
                   "sum(included_seconds_used) AS included FROM billing.subscription_usage "
                   "GROUP BY 1) u FULL JOIN (SELECT subscription_id, sum(cost) AS cost, count(*) "
                   "AS calls, sum(billed_seconds) AS seconds, sum(allowance_seconds) AS included "
                   "FROM billing.cdrs GROUP BY 1) c USING (subscription_id) "
                   "WHERE (u.cost, u.calls, u.seconds, u.included) IS DISTINCT FROM "
                   "(c.cost, c.calls, c.seconds, c.included)"},
        difference{"days of a subscription whose aggregates are not those of its calls",
                   "SELECT count(*) FROM (SELECT subscription_id, day, cost, events FROM "
                   "analytics.usage_aggregates_daily) d FULL JOIN (SELECT subscription_id, "
                   "(start_time AT TIME ZONE '" +
                       std::string{sample_catalog::time_zone} +
                       "')::date AS day, sum(cost) AS cost, count(*) AS events FROM "
                       "billing.cdrs GROUP BY 1, 2) c USING (subscription_id, day) "
                       "WHERE (d.cost, d.events) IS DISTINCT FROM (c.cost, c.events)"},
    };
}

} // namespace

std::string check_totals(database_link& link, std::uint64_t calls_expected) {
    auto const calls = link.value("SELECT count(*) FROM billing.cdrs");
    if (calls != std::to_string(calls_expected)) {
        throw std::runtime_error{calls + " calls are stored, not " +
                                 std::to_string(calls_expected)};
    }

    // First the totals, whose difference is easy to read, then every account and subscription.
    auto const sums =
        link.row("SELECT (SELECT sum(cost) FROM billing.cdrs), (SELECT sum(" + moved() +
                 ") FROM billing.accounts), (SELECT sum(total_cost) FROM "
                 "billing.subscription_usage), (SELECT sum(cost) FROM "
                 "analytics.usage_aggregates_daily)");
    for (auto const& sum : sums) {
        if (sum != sums.front()) {
            throw std::runtime_error{"calls cost " + sums[0] + ", balances moved by " + sums[1] +
                                     ", usage says " + sums[2] + ", daily aggregates say " +
                                     sums[3]};
        }
    }

    for (auto const& each : differences()) {
        if (auto const count = link.value(each.query); count != "0") {
            throw std::runtime_error{count + " " + std::string{each.problem}};
        }
    }
    return sums.front();
}

} // namespace tally::bench
