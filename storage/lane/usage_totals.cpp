#include "storage/lane/usage_totals.hpp"

namespace tally::storage {

usage_totals::usage_totals() {
    // The first name has the number calls_metric.
    metric_number("calls");
}

void usage_totals::begin() {
    calendars_from_ = nullptr; // a new catalog may have the address of an old one
    periods_.clear();
    period_indices_.clear();
}

std::uint32_t usage_totals::metric_number(std::string_view name) {
    // Sums are kept by number: a hash of a small integer costs less per event than one of a text.
    auto const known = numbers_.find(name);
    if (known != numbers_.end()) {
        return known->second;
    }
    auto const number = static_cast<std::uint32_t>(names_.size());
    return numbers_.emplace(names_.emplace_back(name), number).first->second;
}

std::uint32_t usage_totals::index_of(rating::catalog const& catalog,
                                     rating::catalog_index subscription, ingest::time_us time) {
    // The period's bounds follow from the plan's time zone and the day on which the subscription
    // began.
    auto const& contract = catalog.subscription_at(subscription);
    auto const period = calendar_of(catalog, contract.plan).monthly(contract.anchor, time);
    usage_key const key{contract.id, period.start};

    // One row per period, however many records the batch has of it.
    auto const [found, is_new] =
        period_indices_.try_emplace(key, static_cast<std::uint32_t>(periods_.size()));
    if (is_new) {
        // The row is made as if the database had none: version 0 and the whole allowance. The state
        // that is read replaces both.
        auto const& head = catalog.plan_at(contract.plan).head();
        period_of_usage added;
        added.key = key;
        added.period = period;
        added.delta.subscription_id = contract.id;
        added.delta.account_id = catalog.account_at(contract.account).id;
        added.delta.period_start = period.start;
        added.delta.period_end = period.end;
        added.delta.currency = head.currency;
        added.left.included_s = head.included_s;
        periods_.push_back(added);
    }
    return found->second;
}

rating::calendar& usage_totals::calendar_of(rating::catalog const& catalog,
                                            rating::catalog_index plan) {
    // Plans share the calendars of their zones. The list by plan is made once per catalog, so that
    // a record costs an index and no lookup by name.
    if (calendars_from_ != &catalog) {
        calendars_from_ = &catalog;
        plan_calendars_.clear();
        for (std::uint32_t i = 0; i < catalog.plans(); ++i) {
            std::string const& zone = catalog.plan_at(i).head().time_zone;
            auto const found = calendars_.try_emplace(zone, zone).first;
            plan_calendars_.push_back(&found->second);
        }
    }
    return *plan_calendars_[plan];
}

void usage_totals::start(batch& out) {
    // A batch may be rated several times; each time begins from the states that were read.
    out.usage.clear();
    out.balances.clear();
    out.daily.clear();
    day_indices_.clear();
    start_periods(0);
}

void usage_totals::start_periods(std::size_t first) {
    for (auto& usage : std::span{periods_}.subspan(first)) {
        // The version that is rated on is the one that the compare-and-set expects (R8).
        usage.delta.expected_version = usage.before.version;
        usage.left.used_s = usage.before.included_seconds_used;
        // The remembered row is gone with out.daily.
        usage.daily = UINT32_MAX;
    }
}

std::uint32_t usage_totals::day_row(period_of_usage const& period, rating::civil_day day,
                                    std::uint32_t metric, batch& out) {
    auto const [found, is_new] = day_indices_.try_emplace(
        {period.delta.subscription_id, day, metric}, static_cast<std::uint32_t>(out.daily.size()));
    if (is_new) {
        out.daily.push_back({period.delta.account_id,
                             period.delta.subscription_id,
                             day,
                             metric_name(metric),
                             0,
                             0,
                             0,
                             {},
                             period.delta.currency});
    }
    return found->second;
}

void usage_totals::add_day(std::uint32_t index, rating::civil_day day, std::uint32_t metric,
                           day_share const& share, batch& out) {
    // Calls of a period mostly have the same day as the one before: `daily` saves the hash lookup.
    auto& period = periods_[index];
    std::uint32_t row_index = period.daily;
    if (metric != calls_metric) {
        row_index = day_row(period, day, metric, out);
    } else if (row_index >= out.daily.size() || out.daily[row_index].day != day ||
               out.daily[row_index].subscription_id != period.delta.subscription_id) {
        row_index = period.daily = day_row(period, day, metric, out);
    }

    auto& row = out.daily[row_index];
    ++row.events;
    row.quantity_nanos += share.quantity_nanos;
    row.billable_nanos += share.billable_nanos;
    row.cost += share.cost;
}

void usage_totals::finish(batch& out) {
    balance_indices_.clear();
    for (auto const& usage : periods_) {
        // A period whose records all went to suspense: an UPDATE would change its version for
        // nothing, and make the batches of other sessions stale.
        if (!usage.delta.moves()) {
            continue;
        }
        out.usage.push_back(usage.delta);

        // One row per account: balances are locked by all sessions that charge it, so each is
        // updated once.
        auto const [found, is_new] = balance_indices_.try_emplace(
            usage.delta.account_id, static_cast<std::uint32_t>(out.balances.size()));
        if (is_new) {
            out.balances.push_back({usage.delta.account_id, {}});
        }
        out.balances[found->second].charge += usage.delta.total_cost;
    }
}

} // namespace tally::storage
