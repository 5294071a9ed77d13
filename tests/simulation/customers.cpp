#include "tests/simulation/customers.hpp"

#include "tests/rating/rater/builders.hpp"

#include <string>

namespace tally::simulation {

namespace {

ingest::uuid id_of(std::uint8_t kind, unsigned number) {
    ingest::uuid id;
    id.bytes[0] = kind;
    id.bytes[15] = static_cast<std::uint8_t>(number);
    return id;
}

} // namespace

std::shared_ptr<rating::catalog const> catalog_with(unsigned shift) {
    rating::catalog_input input;
    rating::tariff::content plan;
    plan.head.code = "sim";
    plan.head.rounding_mode = {rating::rounding_mode::half_up, 4};
    plan.head.included_s = 120;
    plan.rates.push_back(rating::tests::by_second("", "0.5"));
    rating::metric_price sms;
    sms.name = "sms";
    sms.unit = "message";
    sms.included = rating::quantity{10'000'000'000};
    sms.price = rating::tests::money("0.25");
    plan.metrics.push_back(sms);
    input.plans = {std::make_shared<rating::tariff const>(std::move(plan))};
    for (unsigned i = 0; i < accounts; ++i) {
        input.accounts.push_back({{id_of(1, i)}, "A" + std::to_string(i)});
        rating::subscription s;
        s.id = id_of(2, i);
        s.account = i;
        s.plan = 0;
        input.subscriptions.push_back({s, "S" + std::to_string(i)});
    }
    for (unsigned i = 0; i < numbers; ++i) {
        auto const owner = i < fixed_numbers ? i : (i + shift) % accounts;
        input.dids.push_back({"9180000000" + std::to_string(10 + i), owner});
    }
    return std::make_shared<rating::catalog const>(std::move(input));
}

std::shared_ptr<ingest::source_table const> two_sources() {
    std::vector<ingest::source> sources(2);
    sources[0].id = id_of(3, 0);
    sources[1].id = id_of(3, 1);
    sources[1].name = "second";
    return std::make_shared<ingest::source_table const>(std::move(sources));
}

storage::usage_key usage_key_of(unsigned account) {
    constexpr ingest::time_us may = 1'777'593'600 * ingest::us_per_s; // 2026-05-01T00:00:00Z
    return {id_of(2, account), may};
}

} // namespace tally::simulation
