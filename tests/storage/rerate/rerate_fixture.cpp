#include "tests/storage/rerate/rerate_fixture.hpp"

#include "tests/support/catalog_of.hpp"
#include "tests/support/private_postgres.hpp"

namespace tally::tests {

namespace {

std::string telecom(int accounts) {
    auto connection = private_postgres::shared().migrated_database();
    make_telecom(connection, accounts);
    return connection;
}

} // namespace

rerate_fixture::rerate_fixture() : connection{telecom(accounts)}, lane{connection} {}

storage::rerate_selection rerate_fixture::subscription(int account) {
    return {storage::rerate_selection::scope::subscription, "SUB-" + std::to_string(account), "",
            ""};
}
storage::rerate_selection rerate_fixture::plan() {
    return {storage::rerate_selection::scope::plan, "basic", "", ""};
}

storage::rerate_task rerate_fixture::task(storage::rerate_selection selection) const {
    storage::rerate_task made;
    made.connection_string = connection;
    made.selection = std::move(selection);
    made.author = {"tester", "a test"};
    return made;
}

storage::rerate_outcome rerate_fixture::run(storage::rerate_task options,
                                            storage::rerate_hooks hooks) {
    catalog = catalog_of(connection);
    options.catalog = catalog.get();
    auto const outcome = storage::rerate_job{std::move(options), std::move(hooks)}.run();
    auto const& c = outcome.counts;
    EXPECT_EQ(c.seen, c.changed + c.unchanged + c.frozen + c.unrated);
    return outcome;
}

storage::rerate_outcome rerate_fixture::rerate(storage::rerate_selection selection) {
    auto outcome = run(task(std::move(selection)));
    EXPECT_EQ(outcome.end, storage::rerate_end::done);
    expect_consistent();
    return outcome;
}

storage::correction_outcome rerate_fixture::correct(storage::correction_kind kind, int account,
                                                    std::string const& uuid) {
    storage::sql_session session{connection, "test"};
    return storage::call_corrector{session}.correct(
        kind, {"ACC-" + std::to_string(account), uuid, ""}, {"tester", "a test"});
}

std::vector<std::string> rerate_fixture::ratings() const {
    return query_rows(connection, "SELECT trim_scale(cost) || '/' || allowance_seconds || '/' || "
                                  "processing_status FROM billing.cdrs ORDER BY uuid");
}

void rerate_fixture::expect_consistent() const {
    auto const sums = four_sums(connection);
    EXPECT_THAT(sums, ::testing::Each(sums.front()));
    EXPECT_EQ(
        one("SELECT count(*) FROM billing.subscription_usage AS u WHERE "
            "(seconds_used, included_seconds_used, calls_count, overage_cost, total_cost) <> "
            "(SELECT coalesce(sum(billed_seconds), 0), coalesce(sum(allowance_seconds), 0), "
            "count(*), coalesce(sum(cost) FILTER (WHERE allowance_seconds < billed_seconds), "
            "0), coalesce(sum(cost), 0) FROM billing.cdrs AS c "
            "WHERE c.subscription_id = u.subscription_id AND processing_status <> 'void' "
            "AND start_time >= u.billing_period_start AND start_time < u.billing_period_end)"),
        "0");
    EXPECT_EQ(one("SELECT count(*) FROM analytics.usage_aggregates_daily AS d WHERE "
                  "(events, quantity, billable_quantity, cost) <> "
                  "(SELECT count(*), coalesce(sum(billsec), 0), coalesce(sum(billed_seconds), 0), "
                  "coalesce(sum(cost), 0) FROM billing.cdrs AS c WHERE c.subscription_id = "
                  "d.subscription_id AND processing_status <> 'void' "
                  "AND (start_time AT TIME ZONE 'UTC')::date = d.day)"),
              "0");
    EXPECT_EQ(one("SELECT count(*) FROM billing.accounts AS a WHERE 100 - balance <> "
                  "(SELECT coalesce(sum(cost), 0) FROM billing.cdrs AS c WHERE c.account_id = a.id "
                  "AND processing_status <> 'void')"),
              "0");
}

} // namespace tally::tests
