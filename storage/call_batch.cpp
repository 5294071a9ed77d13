#include "storage/call_batch.hpp"

namespace tally::storage {

namespace {

constexpr std::uint32_t nowhere = UINT32_MAX;
constexpr std::int64_t nanos_per_unit = 1'000'000'000;
constexpr std::string_view calls_metric = "calls";

std::int64_t whole_seconds(std::int64_t ms) noexcept {
    return ms / 1000;
}

} // namespace

usage_state const* usage_cache::find(usage_key const& key) const noexcept {
    auto const found = states_.find(key);
    return found == states_.end() ? nullptr : &found->second;
}

void usage_cache::put(usage_key const& key, usage_state const& state) {
    if (states_.size() >= states_max) {
        states_.clear();
    }
    states_.insert_or_assign(key, state);
}

void call_batch::begin(std::span<batch_entry> entries, usage_cache const& cache) {
    entries_ = entries;
    calendars_from_ = nullptr; // a new catalog may stand where an old one was
    usage_.clear();
    usage_places_.clear();
    missing_.clear();
    usage_index_.assign(entries.size(), nowhere);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].state == entry_state::live) {
            usage_index_[i] = usage_of(entries[i]);
        }
    }
    for (auto const& usage : usage_) {
        if (cache.find(usage.key) == nullptr) {
            missing_.push_back(usage.key);
        }
    }
}

std::uint32_t call_batch::usage_of(batch_entry const& entry) {
    auto const& from = *entry.catalog;
    auto const& contract = from.subscription_at(entry.who.subscription);
    auto const period =
        calendar_of(from, contract.plan).monthly(contract.anchor, entry.call->start);
    usage_key const key{contract.id, period.start};
    auto const [place, is_new] =
        usage_places_.try_emplace(key, static_cast<std::uint32_t>(usage_.size()));
    if (is_new) {
        auto const& pays = from.account_at(contract.account);
        auto const& head = from.plan_at(contract.plan).head();
        period_of_usage added;
        added.key = key;
        added.period = period;
        added.delta.subscription_id = contract.id;
        added.delta.account_id = pays.id;
        added.delta.period_start = period.start;
        added.delta.period_end = period.end;
        added.delta.currency = head.currency;
        added.left.included_s = head.included_s;
        usage_.push_back(added);
    }
    return place->second;
}

rating::calendar& call_batch::calendar_of(rating::catalog const& from, rating::catalog_index plan) {
    if (calendars_from_ != &from) {
        calendars_from_ = &from;
        plan_calendars_.clear();
        for (std::uint32_t i = 0; i < from.plans(); ++i) {
            std::string const& zone = from.plan_at(i).head().time_zone;
            auto const found = calendars_.try_emplace(zone, zone).first;
            plan_calendars_.push_back(&found->second);
        }
    }
    return *plan_calendars_[plan];
}

void call_batch::learn(std::span<usage_state const> states, usage_cache& cache) {
    for (std::size_t i = 0; i < states.size(); ++i) {
        cache.put(missing_[i], states[i]);
    }
}

void call_batch::rate(usage_cache const& cache, batch& out) {
    out.calls.clear();
    out.usage.clear();
    out.balances.clear();
    out.daily.clear();
    out.suspense.clear();
    out.resolved.clear();
    daily_places_.clear();
    for (auto& usage : usage_) {
        auto const* state = cache.find(usage.key);
        usage.delta.expected_version = state == nullptr ? 0 : state->version;
        usage.left.used_s = state == nullptr ? 0 : state->included_seconds_used;
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].state == entry_state::live) {
            rate_one(entries_[i], usage_[usage_index_[i]], out);
        }
    }
    for (auto const& usage : usage_) {
        if (usage.delta.calls > 0) {
            out.usage.push_back(usage.delta);
        }
    }
    add_balances(out);
    add_suspended(out);
}

void call_batch::rate_one(batch_entry& entry, period_of_usage& usage, batch& out) {
    auto const& from = *entry.catalog;
    auto const plan_index = from.subscription_at(entry.who.subscription).plan;
    auto const& plan = from.plan_at(plan_index);
    auto const rated = rating::rate_call(*entry.call, plan, usage.left, entry.who.on_net);
    if (rated.error != ingest::record_error::none) {
        entry.suspend(rated.error, ingest::explain(rated.error));
        return;
    }
    out.calls.push_back({entry.call, usage.delta.account_id, usage.delta.subscription_id,
                         entry.from->id, usage.delta.currency, rated});
    usage.delta.seconds += rated.billed_s;
    usage.delta.included_seconds += rated.allowance_s;
    ++usage.delta.calls;
    usage.delta.total_cost += rated.cost;
    if (rated.allowance_s < rated.billed_s) {
        usage.delta.overage_cost += rated.cost;
    }
    usage.delta.last_usage = std::max(usage.delta.last_usage, entry.call->end);
    add_daily(entry, rated, usage, calendar_of(from, plan_index).day_of(entry.call->start), out);
}

void call_batch::add_daily(batch_entry const& entry, rating::rated_call const& rated,
                           period_of_usage& usage, rating::civil_day day, batch& out) {
    if (usage.daily >= out.daily.size() || out.daily[usage.daily].day != day ||
        out.daily[usage.daily].subscription_id != usage.delta.subscription_id) {
        auto const [place, is_new] = daily_places_.try_emplace(
            {usage.delta.subscription_id, day}, static_cast<std::uint32_t>(out.daily.size()));
        if (is_new) {
            out.daily.push_back({usage.delta.account_id,
                                 usage.delta.subscription_id,
                                 day,
                                 calls_metric,
                                 0,
                                 0,
                                 0,
                                 {},
                                 usage.delta.currency});
        }
        usage.daily = place->second;
    }
    auto& row = out.daily[usage.daily];
    ++row.events;
    row.quantity_nanos += rating::int128{whole_seconds(entry.call->billsec_ms)} * nanos_per_unit;
    row.billable_nanos += rating::int128{rated.billed_s} * nanos_per_unit;
    row.cost += rated.cost;
}

void call_batch::add_balances(batch& out) {
    balance_places_.clear();
    for (auto const& delta : out.usage) {
        auto const [place, is_new] = balance_places_.try_emplace(
            delta.account_id, static_cast<std::uint32_t>(out.balances.size()));
        if (is_new) {
            out.balances.push_back({delta.account_id, {}});
        }
        out.balances[place->second].charge += delta.total_cost;
    }
}

void call_batch::add_suspended(batch& out) const {
    for (auto const& entry : entries_) {
        if (entry.state != entry_state::suspended) {
            if (!entry.suspense_id.is_nil()) {
                out.resolved.push_back(entry.suspense_id);
            }
        } else {
            out.suspense.push_back(
                {entry.reason, entry.detail, entry.from->id, entry.format, entry.raw});
        }
    }
}

void call_batch::written(batch const& stored, usage_cache& cache) const {
    for (auto const& delta : stored.usage) {
        usage_key const key{delta.subscription_id, delta.period_start};
        auto const* known = cache.find(key);
        std::int64_t const before = known == nullptr ? 0 : known->included_seconds_used;
        cache.put(key, {delta.expected_version + 1, before + delta.included_seconds});
    }
}

} // namespace tally::storage
