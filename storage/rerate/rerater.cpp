#include "storage/rerate/rerater.hpp"

#include "rating/catalog/guide.hpp"

#include <algorithm>

namespace tally::storage {

namespace {

using ingest::record_error;

bool may_change(call_status status) noexcept {
    return status == call_status::rated || status == call_status::rerated;
}

/// A stored call as the rater takes it. The stored seconds are truncated, so their relations
/// (billable <= duration) may no longer hold exactly; the duration is raised to pass the checks,
/// which the call passed when it arrived.
ingest::cdr call_of(rerate_call const& stored) noexcept {
    ingest::cdr call;
    call.direction = stored.direction;
    call.destination = stored.destination;
    call.start = stored.key.start;
    call.answer = stored.answer;
    call.billsec_ms = stored.billsec_s * 1000;
    call.billable_ms = stored.billable_s * 1000;
    call.duration_ms =
        std::max(std::max(stored.duration_s, stored.billsec_s) * 1000, call.billable_ms - 1000);
    return call;
}

stored_rating rating_of(rating::rated_call const& rated) {
    stored_rating out;
    out.status = call_status::rerated;
    out.billed_s = rated.billed_s;
    out.allowance_s = rated.allowance_s;
    out.cost = rated.cost;
    out.connect_fee = rated.connect_fee;
    out.rate_per_minute = rated.rate_per_minute;
    out.rate_id = rated.charged_rate->id;
    out.matched_prefix = rated.charged_rate->prefix;
    out.call_type = rated.charged_rate->call_type;
    return out;
}

bool was_asked_for(rerate_call const& call, rerate_period const& period) noexcept {
    return period.lower <= call.key.start && call.key.start < period.upper;
}

} // namespace

rerater::rerater(rating::catalog const& catalog) : catalog_{catalog} {
    // By the rate's id: it is what a stored call names, whatever the number's owner is by now.
    for (rating::catalog_index i = 0; i < catalog.plans(); ++i) {
        for (auto const& rate : catalog.plan_at(i).rates()) {
            if (rate.is_on_net) {
                on_net_rates_.insert(rate.id);
            }
        }
    }
}

rating::calendar& rerater::calendar_of(rating::catalog_index plan) {
    // Many plans share a zone, and a calendar of it is worth keeping.
    auto const& zone = catalog_.plan_at(plan).head().time_zone;
    return calendars_.try_emplace(zone, zone).first->second;
}

// A call that was on-net stays on-net: its destination was one of our numbers then, even if that
// number has been removed since.
bool rerater::is_on_net(ingest::cdr const& call, rerate_call const& stored,
                        rating::tariff const& plan) const {
    return on_net_rates_.contains(stored.rated.rate_id) || rating::is_on_net(call, plan, catalog_);
}

rating::rated_call rerater::rate_again(rerate_call const& stored,
                                       rating::catalog_index subscription,
                                       std::int64_t used_s) const {
    // Its plan or account is left out of the catalog, so nothing says what the call costs.
    if (subscription == rating::no_index) {
        rating::rated_call none;
        none.error = record_error::no_active_subscription;
        return none;
    }
    auto const& plan = catalog_.plan_at(catalog_.subscription_at(subscription).plan);

    // What the calls before this one have drawn again, not what they drew when they arrived (C2).
    rating::allowance left{used_s, plan.head().included_s};
    auto const call = call_of(stored);
    return rating::rate_call(call, plan, left, is_on_net(call, stored, plan));
}

void rerater::rate(std::span<rerate_call const> calls, std::span<rerate_period const> periods,
                   std::span<period_state> states, adjustment_batch& changes, rerate_counts& counts,
                   std::vector<unrated_call>& unrated) {
    for (auto const& call : calls) {
        ++counts.seen;

        // Void, disputed and billed calls are frozen; zero-rated ones cost nothing by any rate.
        if (!may_change(call.rated.status)) {
            ++(call.rated.status == call_status::zero_rated ? counts.unchanged : counts.frozen);
            continue;
        }

        // Rated on what is left of the allowance after the calls before it, in order of answer
        // (C2).
        auto const& period = periods[call.period];
        auto& state = states[call.period];
        auto const subscription = catalog_.subscription_by_id(period.subscription_id);
        auto const rated = rate_again(call, subscription, state.allowance_used_s);
        bool const asked = was_asked_for(call, period);

        // Cannot be rated: it stays as it is and keeps its share of the allowance.
        if (rated.error != record_error::none || rated.charged_rate == nullptr) {
            state.allowance_used_s += call.rated.allowance_s;
            ++(asked ? counts.unrated : counts.unchanged);
            if (asked) {
                unrated.push_back({&call, rated.error});
            }
            continue;
        }

        // The call draws its new share, whether it is changed or not: calls outside the selection
        // change if their share differs.
        state.allowance_used_s += rated.allowance_s;
        auto after = rating_of(rated);
        if (same_rating(call.rated, after) ||
            (!asked && call.rated.allowance_s == after.allowance_s)) {
            ++counts.unchanged;
            continue;
        }

        // The change, with what the call was before: the writer changes it only if that still holds
        // (C4).
        ++counts.changed;
        state.is_changed = true;
        counts.old_cost += call.rated.cost;
        counts.new_cost += after.cost;
        auto const plan = catalog_.subscription_at(subscription).plan;
        changes.add({call.key, period.subscription_id, period.start,
                     calendar_of(plan).day_of(call.key.start), call.currency, call.rated,
                     std::move(after)},
                    state.usage.version);
    }
}

} // namespace tally::storage
