#include "tests/simulation/comparison/universe.hpp"

#include <algorithm>

namespace tally::simulation {

namespace {

constexpr std::uint32_t calls_max = 8; ///< of a universe; the other kinds have the same bound
constexpr std::uint32_t events_max = 6;
constexpr std::uint32_t payloads_max = 5;
constexpr std::int64_t billed_s = 60;
constexpr storage::currency_code rupees{'I', 'N', 'R'};
constexpr std::string_view metric = "sms";

ingest::uuid source_id(std::uint64_t number) {
    auto id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
    id.bytes[15] = static_cast<std::uint8_t>(1 + number % 2);
    return id;
}

} // namespace

universe::universe(real_server const& real, std::uint32_t number, std::mt19937_64& random)
    : real_{real}, number_{number}, random_{random},
      period_start_{tests::call_maker::base - (100'000 - std::int64_t{number}) * ingest::us_per_s},
      period_end_{period_start_ + 3'000'000 * ingest::us_per_s} {
    for (int i = 0; i < 2; ++i) {
        streams_.push_back("stream-" + std::to_string(number) + "-" + std::to_string(i));
    }
    balances_before_ = read_balances();
}

ingest::uuid universe::new_id() {
    return ids_.emplace_back(ingest::uuid_v7());
}

ingest::uuid universe::batch_id() {
    return ids_.empty() || chance(150) ? new_id() : ids_[random_() % ids_.size()];
}

/// Mostly the version that is there.
std::int64_t universe::expected(std::int64_t version) {
    if (chance(850)) {
        return version;
    }
    return chance(500) ? 0 : version + 1;
}

storage::usage_delta& universe::usage_of(storage::batch& target, std::size_t account,
                                         model_state const& before) {
    auto const subscription = real_.subscription_ids[account];
    auto const found =
        std::ranges::find(target.usage, subscription, &storage::usage_delta::subscription_id);
    if (found != target.usage.end()) {
        return *found;
    }
    auto const row = before.usage.find({subscription, period_start_});
    storage::usage_delta added;
    added.subscription_id = subscription;
    added.account_id = real_.account_ids[account];
    added.period_start = period_start_;
    added.period_end = period_end_;
    added.expected_version = expected(row == before.usage.end() ? 0 : row->second.version);
    added.last_usage = tests::call_maker::base;
    added.currency = rupees;
    target.balances.push_back({added.account_id, {}});
    return target.usage.emplace_back(added);
}

void universe::add_call(storage::batch& target, model_state const& before) {
    auto const number = static_cast<std::uint32_t>(random_() % calls_max);
    auto const account = std::size_t{number} % real_server::accounts;
    auto call = calls_.call(number_ * calls_max + number, static_cast<int>(account) + 1, "44207",
                            static_cast<std::int64_t>(10 + random_() % 2));
    if (chance(60)) { // breaks cdrs_times; the model knows it by the cause
        call.hangup_cause = "refused";
        call.end = call.start - ingest::us_per_s;
    }
    storage::cdr_row row{&kept_calls_.emplace_back(call),
                         real_.account_ids[account],
                         real_.subscription_ids[account],
                         source_id(0),
                         rupees,
                         {}};
    row.rated.billed_s = billed_s;
    row.rated.cost.nanos = static_cast<std::int64_t>(random_() % 1000) * 1'000'000;
    target.calls.push_back(row);

    auto& usage = usage_of(target, account, before);
    usage.seconds += billed_s;
    usage.included_seconds += billed_s / 2;
    usage.calls += 1;
    usage.total_cost += row.rated.cost;
    std::ranges::find(target.balances, usage.account_id, &storage::balance_delta::account_id)
        ->charge += row.rated.cost;
}

void universe::add_event(storage::batch& target, model_state const& before) {
    auto const number = random_() % events_max;
    auto const account = number % real_server::accounts;
    auto made =
        events_.usage(std::to_string(number_) + "-" + std::to_string(number),
                      static_cast<int>(account) + 1, std::string{metric}, chance(300) ? "2" : "1");
    storage::event_row row;
    row.event = &kept_events_.emplace_back(made);
    row.account_id = real_.account_ids[account];
    row.subscription_id = real_.subscription_ids[account];
    row.source_id = source_id(0);
    row.currency = rupees;
    row.is_metered = true;
    row.quantity = rating::quantity{std::get<ingest::usage_data>(made.event_data).quantity_nanos};
    row.billable = row.quantity;
    row.cost.nanos = static_cast<std::int64_t>(random_() % 1000) * 1'000'000;
    target.events.push_back(row);

    auto& usage = usage_of(target, account, before);
    usage.events += 1;
    usage.total_cost += row.cost;
    std::ranges::find(target.balances, usage.account_id, &storage::balance_delta::account_id)
        ->charge += row.cost;
    auto found = std::ranges::find(target.metrics, row.subscription_id,
                                   &storage::metric_row::subscription_id);
    if (found == target.metrics.end()) {
        auto const key = metric_key{row.subscription_id, period_start_, std::string{metric}};
        auto const known = before.metrics.find(key);
        bool const is_new = known == before.metrics.end();
        auto added = blank_metric(account);
        added.expected_version = expected(is_new ? 0 : known->second.version);
        added.total.nanos = is_new ? 0 : known->second.total_nanos;
        target.metrics.push_back(added);
        found = target.metrics.end() - 1;
    }
    found->events += 1;
    found->total.nanos += row.quantity.nanos;
    found->cost += row.cost;
}

void universe::add_suspense(storage::batch& target) {
    auto const payload =
        std::to_string(number_) + "-payload-" + std::to_string(random_() % payloads_max);
    target.suspense.push_back({ingest::record_error::no_rate, "", source_id(random_()), "canonical",
                               calls_.keep(payload), tests::call_maker::base});
}

storage::batch universe::make_batch(model_state const& before) {
    storage::batch made;
    made.id = new_id();
    made.daemon_id = made.id;
    made.opened = tests::call_maker::base;
    for (auto left = random_() % 4; left > 0; --left) {
        add_call(made, before);
    }
    for (auto left = chance(400) ? 1 + random_() % 2 : 0; left > 0; --left) {
        add_event(made, before);
    }
    for (auto left = chance(300) ? 1 + random_() % 2 : 0; left > 0; --left) {
        add_suspense(made);
    }
    for (auto left = chance(400) ? 1 + random_() % 2 : 0; left > 0; --left) {
        made.required.push_back(batch_id());
    }
    std::erase(made.required, made.id);
    return made;
}

storage::batch universe::with_new_id(storage::batch rows) {
    rows.id = new_id();
    return rows;
}

std::vector<storage::usage_key> universe::usage_keys() const {
    std::vector<storage::usage_key> keys;
    for (auto const& subscription : real_.subscription_ids) {
        keys.push_back({subscription, period_start_});
    }
    return keys;
}

std::vector<storage::metric_row> universe::metric_keys() const {
    std::vector<storage::metric_row> keys;
    for (std::size_t i = 0; i < real_server::accounts; ++i) {
        keys.push_back(blank_metric(i));
    }
    return keys;
}

storage::metric_row universe::blank_metric(std::size_t account) const {
    storage::metric_row row;
    row.subscription_id = real_.subscription_ids[account];
    row.account_id = real_.account_ids[account];
    row.period_start = period_start_;
    row.period_end = period_end_;
    row.metric = metric;
    row.last_usage = tests::call_maker::base;
    row.currency = rupees;
    return row;
}

std::vector<storage::call_key> universe::call_keys() const {
    std::vector<storage::call_key> keys;
    tests::call_maker maker;
    for (std::uint32_t i = 0; i < calls_max; ++i) {
        auto const call = maker.call(number_ * calls_max + i, 1, "44207", 10);
        keys.push_back({real_.account_ids[i % real_server::accounts], call.start, call.id});
    }
    return keys;
}

std::vector<ingest::uuid> universe::event_ids() const {
    std::vector<ingest::uuid> ids;
    tests::event_maker maker;
    for (std::uint32_t i = 0; i < events_max; ++i) {
        ids.push_back(
            maker.usage(std::to_string(number_) + "-" + std::to_string(i), 1, "sms", "1").id);
    }
    return ids;
}

} // namespace tally::simulation
