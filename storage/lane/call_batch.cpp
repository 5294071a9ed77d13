#include "storage/lane/call_batch.hpp"

namespace tally::storage {

namespace {

// The period of an entry that is not a live call.
constexpr std::uint32_t nowhere = UINT32_MAX;

// billing.cdrs has billsec truncated to seconds, and the aggregate must equal the sum over its
// rows.
std::int64_t whole_seconds(std::int64_t ms) noexcept {
    return ms / 1000;
}

} // namespace

void call_batch::begin(std::span<batch_entry> entries, std::size_t first, usage_totals& totals) {
    // Only the periods are found here: rating needs their states, which are read for all of them at
    // once.
    periods_.resize(first);
    periods_.resize(entries.size(), nowhere);
    for (std::size_t i = first; i < entries.size(); ++i) {
        auto const& entry = entries[i];
        if (entry.is_live_call()) {
            periods_[i] =
                totals.index_of(*entry.catalog, entry.call_owner.subscription, entry.call->start);
        }
    }
}

void call_batch::rate(std::span<batch_entry> entries, std::size_t first, usage_totals& totals,
                      batch& out) {
    for (std::size_t i = first; i < entries.size(); ++i) {
        if (entries[i].is_live_call()) {
            rate_one(entries[i], periods_[i], totals, out);
        }
    }
}

void call_batch::rate_one(batch_entry& entry, std::uint32_t index, usage_totals& totals,
                          batch& out) {
    // The entry's own catalog, not the latest: it is the one that decided who pays (R14).
    auto const& catalog = *entry.catalog;
    auto const plan_index = catalog.subscription_at(entry.call_owner.subscription).plan;
    auto& usage = totals.at(index);
    // `left` is changed by each call, so the calls of one period draw on its allowance in this
    // order.
    auto const rated = rating::rate_call(*entry.call, catalog.plan_at(plan_index), usage.left,
                                         entry.call_owner.on_net);

    // A call without a price is kept for later and moves no sum (R3).
    if (rated.error != ingest::record_error::none) {
        entry.suspend(rated.error, ingest::explain(rated.error));
        return;
    }

    // All sums below are made from this one rated amount (R10).
    out.calls.push_back({entry.call, usage.delta.account_id, usage.delta.subscription_id,
                         entry.source->id, usage.delta.currency, rated});

    // The period's usage row. Overage is the cost of calls that the allowance did not fully cover.
    usage.delta.seconds += rated.billed_s;
    usage.delta.included_seconds += rated.allowance_s;
    ++usage.delta.calls;
    usage.delta.total_cost += rated.cost;
    if (rated.allowance_s < rated.billed_s) {
        usage.delta.overage_cost += rated.cost;
    }
    usage.delta.last_usage = std::max(usage.delta.last_usage, entry.call->end);

    // The daily aggregate, by the plan's local day; quantities have nine decimals.
    day_share const share{rating::int128{whole_seconds(entry.call->billsec_ms)} *
                              rating::nanos_per_unit,
                          rating::int128{rated.billed_s} * rating::nanos_per_unit, rated.cost};
    // The day is that of the call's start, whatever day it ends on: one call, one aggregate row.
    totals.add_day(index, totals.calendar_of(catalog, plan_index).day_of(entry.call->start),
                   usage_totals::calls_metric, share, out);
}

} // namespace tally::storage
