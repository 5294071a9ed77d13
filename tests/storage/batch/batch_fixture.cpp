#include "tests/storage/batch/batch_fixture.hpp"

#include "storage/partitions/partitions.hpp"

namespace tally::tests {

namespace {

ingest::uuid id_of(std::string const& text) {
    return ingest::parse_uuid(text).value();
}

constexpr storage::currency_code rupees{'I', 'N', 'R'};

} // namespace

void batch_fixture::SetUp() {
    database = private_postgres::shared().migrated_database();
    make_telecom(database, accounts);
    rate.id = id_of("00000000-0000-7000-8000-000000000d03");
    rate.prefix = "44";
    rate.call_type = "international";
    rate.steps = {{0, 60, 60, {1'200'000'000}}, {60, 60, 6, {1'200'000'000}}};
}

ingest::uuid batch_fixture::account_id(int account) const {
    return id_of(ask("SELECT id FROM billing.accounts WHERE account_number = 'ACC-" +
                     std::to_string(account) + "'"));
}

ingest::uuid batch_fixture::subscription_id(int account) const {
    return id_of(ask("SELECT id FROM billing.subscriptions WHERE subscription_number = 'SUB-" +
                     std::to_string(account) + "'"));
}

storage::batch batch_fixture::new_batch() {
    storage::batch made;
    made.id = ingest::uuid_v7();
    made.daemon_id = ingest::uuid_v7();
    made.opened = call_maker::base + 5 * ingest::us_per_s;
    made.bytes = 77;
    return made;
}

void batch_fixture::add_call(storage::batch& target, ingest::cdr const& call, int account,
                             std::int64_t cost_nanos, std::int64_t version) {
    auto const account_key = account_id(account);
    auto const subscription_key = subscription_id(account);
    storage::cdr_row row{
        &kept.emplace_back(call), account_key, subscription_key, local_source, rupees, {}};
    row.rated.charged_rate = &rate;
    row.rated.billed_s = 60;
    row.rated.cost.nanos = cost_nanos;
    row.rated.connect_fee.nanos = 500'000'000;
    row.rated.rate_per_minute.nanos = 1'200'000'000;
    target.calls.push_back(row);

    auto usage = std::find_if(target.usage.begin(), target.usage.end(),
                              [&](auto const& u) { return u.subscription_id == subscription_key; });
    if (usage == target.usage.end()) {
        target.usage.push_back({subscription_key,
                                account_key,
                                period_start,
                                period_end,
                                version,
                                0,
                                0,
                                0,
                                {},
                                {},
                                0,
                                rupees});
        target.balances.push_back({account_key, {}});
        target.daily.push_back({account_key,
                                subscription_key,
                                storage::day_of(call.start),
                                "calls",
                                0,
                                0,
                                0,
                                {},
                                rupees});
        usage = target.usage.end() - 1;
    }
    auto const index = static_cast<std::size_t>(usage - target.usage.begin());
    usage->seconds += 60;
    usage->calls += 1;
    usage->overage_cost += rating::amount{cost_nanos};
    usage->total_cost += rating::amount{cost_nanos};
    usage->last_usage = std::max(usage->last_usage, call.end);
    target.balances[index].charge += rating::amount{cost_nanos};
    target.daily[index].events += 1;
    target.daily[index].quantity_nanos += call.billable_ms * 1'000'000;
    target.daily[index].billable_nanos += 60'000'000'000LL;
    target.daily[index].cost += rating::amount{cost_nanos};
}

storage::batch batch_fixture::one_call(std::uint32_t number, int account, std::int64_t cost_nanos,
                                       std::int64_t version) {
    auto made = new_batch();
    add_call(made, calls.call(number, account, "442071234567", 42), account, cost_nanos, version);
    return made;
}

void batch_fixture::make_partition(storage::batch_writer& with) const {
    std::array const days{storage::day_of(call_maker::base)};
    std::vector<std::int32_t> refused;
    auto const status = with.ensure_cdr_days(days, refused);
    ASSERT_TRUE(status.ok()) << status.detail;
    ASSERT_TRUE(refused.empty());
}

void batch_fixture::expect_nothing_stored() const {
    for (auto const* table :
         {"billing.cdrs", "billing.subscription_usage", "analytics.usage_aggregates_daily",
          "ingest.batches", "ingest.suspense", "ingest.positions"}) {
        EXPECT_EQ(ask(std::string{"SELECT count(*) FROM "} + table), "0") << table;
    }
    EXPECT_EQ(ask("SELECT sum(balance) FROM billing.accounts"),
              std::to_string(accounts * 100) + ".000000000");
}

} // namespace tally::tests
