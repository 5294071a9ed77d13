#include "storage/rerate/adjustment_batch.hpp"

#include "rating/money/quantity.hpp"

namespace tally::storage {

namespace {

rating::amount_sum difference(rating::amount after, rating::amount before) noexcept {
    // In 128 bits, since the difference of two amounts may not fit an amount.
    return {rating::int128{after.nanos} - before.nanos};
}

} // namespace

rating::amount overage_of(stored_rating const& rated) noexcept {
    return rated.allowance_s < rated.billed_s ? rated.cost : rating::amount{};
}

void adjustment_batch::clear() noexcept {
    changes_.clear();
    usage_.clear();
    balances_.clear();
    daily_.clear();
    usage_indices_.clear();
    balance_indices_.clear();
    daily_indices_.clear();
}

void adjustment_batch::add(call_change change, std::int64_t version) {
    // What the call adds now, minus what it added: sums move by the difference (R10).
    auto const& before = change.before;
    auto const& after = change.after;
    auto const cost = difference(after.cost, before.cost);
    auto const billed_s = after.billed_s - before.billed_s;

    auto& usage = usage_of(change, version);
    usage.seconds += billed_s;
    usage.included_seconds += after.allowance_s - before.allowance_s;
    usage.total_cost += cost;
    usage.overage_cost += difference(overage_of(after), overage_of(before));
    balance_of(change).charge += cost;
    // The number of calls and their real seconds stay: a rerating changes only what is billed.
    auto& day = daily_of(change);
    day.billable_nanos += rating::int128{billed_s} * rating::nanos_per_quantity;
    day.cost += cost;
    changes_.push_back(std::move(change));
}

usage_delta& adjustment_batch::usage_of(call_change const& change, std::int64_t version) {
    auto const [found, is_new] =
        usage_indices_.try_emplace({change.subscription_id, change.period_start}, usage_.size());
    if (is_new) {
        auto& added = usage_.emplace_back();
        added.subscription_id = change.subscription_id;
        added.account_id = change.key.account_id;
        added.period_start = change.period_start;
        added.expected_version = version;
        added.currency = change.currency;
    }
    return usage_[found->second];
}

balance_delta& adjustment_batch::balance_of(call_change const& change) {
    auto const [found, is_new] =
        balance_indices_.try_emplace(change.key.account_id, balances_.size());
    if (is_new) {
        balances_.push_back({change.key.account_id, {}});
    }
    return balances_[found->second];
}

daily_delta& adjustment_batch::daily_of(call_change const& change) {
    auto const [found, is_new] =
        daily_indices_.try_emplace({change.subscription_id, change.day}, daily_.size());
    if (is_new) {
        auto& added = daily_.emplace_back();
        added.account_id = change.key.account_id;
        added.subscription_id = change.subscription_id;
        added.day = change.day;
        added.metric = "calls";
        added.currency = change.currency;
    }
    return daily_[found->second];
}

} // namespace tally::storage
