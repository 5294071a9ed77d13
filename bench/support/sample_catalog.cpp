#include "bench/support/sample_catalog.hpp"

#include "bench/support/repeatable_random.hpp"

#include <array>
#include <set>
#include <string_view>

namespace tally::bench {
namespace {

using namespace std::string_view_literals;

/// The countries to which calls go; the first is the home country.
constexpr std::array countries{
    "91"sv,  "1"sv,   "44"sv,  "971"sv, "65"sv,  "61"sv,  "49"sv, "33"sv,  "966"sv, "974"sv,
    "977"sv, "880"sv, "94"sv,  "92"sv,  "86"sv,  "81"sv,  "82"sv, "60"sv,  "62"sv,  "66"sv,
    "84"sv,  "63"sv,  "64"sv,  "27"sv,  "254"sv, "234"sv, "20"sv, "39"sv,  "34"sv,  "31"sv,
    "32"sv,  "41"sv,  "43"sv,  "45"sv,  "46"sv,  "47"sv,  "48"sv, "353"sv, "351"sv, "358"sv,
    "90"sv,  "98"sv,  "972"sv, "7"sv,   "380"sv, "55"sv,  "52"sv, "54"sv,  "57"sv};

std::string padded(std::uint32_t number, std::size_t digits) {
    std::string const text = std::to_string(number);
    return std::string(digits > text.size() ? digits - text.size() : 0, '0') + text;
}

/// The countries, and areas in them with up to four more digits, as in a rate deck.
std::vector<std::string> make_prefixes(std::uint32_t count, repeatable_random& random) {
    std::set<std::string> chosen;
    for (auto const& country : countries) {
        if (chosen.size() < count) {
            chosen.emplace(country);
        }
    }
    while (chosen.size() < count) {
        std::string prefix{random.one_of(std::span<std::string_view const>{countries})};
        for (auto digits = random.between(2, 5); digits > 0; --digits) {
            prefix += static_cast<char>('0' + random.below(10));
        }
        chosen.insert(std::move(prefix));
    }
    return {chosen.begin(), chosen.end()};
}

/// 60/60, 60/6 or 1/1 at one price, as decks write it.
std::vector<rating::rate_step> make_steps(rating::amount price, repeatable_random& random) {
    switch (random.below(4)) {
    case 0:
        return {{0, 60, 60, price}};
    case 1:
        return {{0, 60, 1, price}};
    default:
        return {{0, 60, 60, price}, {60, 60, 6, price}};
    }
}

rating::rate make_rate(std::string const& prefix, std::int64_t discount_percent,
                       repeatable_random& random) {
    bool const at_home = prefix.starts_with(countries.front());
    rating::rate rate;
    rate.id = random.uuid_v7(1'735'689'600'000);
    rate.prefix = prefix;
    rate.name = "destination " + prefix;
    rate.call_type = at_home ? "national" : "international";
    rate.allowance = at_home;
    constexpr std::int64_t ten_thousandth = 100'000; // nanos
    std::int64_t const list_price =
        at_home ? random.between(2'000, 9'000) : random.between(10'000, 250'000);
    rating::amount const price{list_price * (100 - discount_percent) / 100 * ten_thousandth};
    if (!at_home && random.percent(10)) {
        rate.connect_fee = {random.between(10, 50) * 10'000'000};
    }
    rate.steps = make_steps(price, random);
    return rate;
}

rating::rate make_inbound_rate(repeatable_random& random) {
    rating::rate rate;
    rate.id = random.uuid_v7(1'735'689'600'000);
    rate.name = "inbound";
    rate.call_type = "inbound";
    rate.direction = ingest::call_direction::inbound;
    rate.steps = {{0, 60, 1, {50'000'000}}};
    return rate;
}

std::vector<sample_plan> make_plans(std::vector<std::string> const& prefixes,
                                    repeatable_random& random) {
    struct offer {
        std::string_view code, name, monthly_price;
        std::int64_t included_minutes, discount_percent;
    };
    constexpr std::array offers{offer{"bench-starter", "Bench Starter", "349", 500, 0},
                                offer{"bench-professional", "Bench Professional", "999", 2'000, 10},
                                offer{"bench-center", "Bench Call Center", "4999", 10'000, 25}};
    std::vector<sample_plan> plans;
    for (auto const& o : offers) {
        sample_plan plan{
            random.uuid_v7(1'735'689'600'000), std::string{o.code}, std::string{o.name},
            std::string{o.monthly_price},      o.included_minutes,  {}};
        plan.rates.reserve(prefixes.size() + 1);
        for (auto const& prefix : prefixes) {
            plan.rates.push_back(make_rate(prefix, o.discount_percent, random));
        }
        plan.rates.push_back(make_inbound_rate(random));
        plans.push_back(std::move(plan));
    }
    return plans;
}

std::shared_ptr<rating::tariff const> make_tariff(sample_plan const& plan) {
    rating::tariff::header head;
    head.plan_id = plan.id;
    head.code = plan.code;
    head.time_zone = sample_catalog::time_zone;
    head.rounding_mode = sample_catalog::rounds;
    head.included_s = plan.included_minutes * 60;
    return std::make_shared<rating::tariff const>(std::move(head), plan.rates);
}

} // namespace

sample_catalog make_sample_catalog(sample_catalog_size const& size) {
    repeatable_random random{size.seed};
    sample_catalog made;
    made.prefixes = make_prefixes(size.prefixes, random);
    made.plans = make_plans(made.prefixes, random);
    made.subscribers.reserve(size.subscriptions);
    for (std::uint32_t i = 0; i < size.subscriptions; ++i) {
        // One new customer per second, so that ids are in order, as in an installation that grows.
        std::uint64_t const born_ms = 1'735'689'600'000 + std::uint64_t{i} * 1000;
        std::uint64_t const lot = random.below(10);
        made.subscribers.push_back({random.uuid_v7(born_ms), random.uuid_v7(born_ms),
                                    random.uuid_v7(born_ms), random.uuid_v7(born_ms),
                                    lot < 6 ? 0U : (lot < 9 ? 1U : 2U)});
    }
    return made;
}

std::string account_number(std::uint32_t subscriber) {
    return "BENCH-" + padded(subscriber, 7);
}

std::string subscription_number(std::uint32_t subscriber) {
    return "BSUB-" + padded(subscriber, 7);
}

std::string did_digits(std::uint32_t subscriber) {
    return "9180" + padded(subscriber, 8);
}

std::shared_ptr<rating::catalog const> rating_catalog(sample_catalog const& sample) {
    rating::catalog_input input;
    for (auto const& plan : sample.plans) {
        input.plans.push_back(make_tariff(plan));
    }
    for (std::uint32_t i = 0; i < sample.subscribers.size(); ++i) {
        auto const& subscriber = sample.subscribers[i];
        input.accounts.push_back({{subscriber.account_id, {'I', 'N', 'R'}}, account_number(i)});
        rating::subscription contract;
        contract.id = subscriber.subscription_id;
        contract.account = i;
        contract.plan = subscriber.plan;
        contract.active_from = sample_catalog::active_from;
        contract.anchor = sample_catalog::active_from;
        input.subscriptions.push_back({contract, subscription_number(i)});
        input.dids.push_back({did_digits(i), i});
    }
    return std::make_shared<rating::catalog const>(std::move(input));
}

} // namespace tally::bench
