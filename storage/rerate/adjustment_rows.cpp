#include "storage/rerate/adjustment_rows.hpp"

#include "storage/postgres/array_binding.hpp"
#include "storage/postgres/wire_fields.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace tally::storage {

namespace {

// Seconds were read from integer columns, so they fit.
using wire::saturated;

} // namespace

parameters& adjusted_usage_rows::fill(std::span<usage_delta const> rows) {
    // Pointers, since the rows are many words long. Key order is the order of locks (R13).
    std::vector<usage_delta const*> order;
    for (auto const& row : rows) {
        order.push_back(&row);
    }
    std::sort(order.begin(), order.end(), [](auto const* a, auto const* b) {
        return std::tie(a->subscription_id, a->period_start) <
               std::tie(b->subscription_id, b->period_start);
    });

    // Differences, which may be negative.
    for (auto const* row : order) {
        subscription_.add(row->subscription_id);
        period_start_.add_time(row->period_start);
        seconds_.add_int64(row->seconds);
        included_.add_int64(row->included_seconds);
        overage_cost_.add_numeric(row->overage_cost.nanos);
        total_cost_.add_numeric(row->total_cost.nanos);
        expected_.add_int64(row->expected_version);
    }
    return bind(values_, subscription_, period_start_, seconds_, included_, overage_cost_,
                total_cost_, expected_);
}

parameters& adjusted_call_rows::fill(std::span<std::uint32_t const> indices,
                                     std::span<call_change const> changes) {
    // In the order of `indices`, which the writer has sorted by key (R13).
    for (auto const index : indices) {
        auto const& change = changes[index];
        auto const& after = change.after;
        account_.add(change.key.account_id);
        start_.add_time(change.key.start);
        id_.add(change.key.id);

        billed_.add_int32(saturated(after.billed_s));
        drawn_.add_int32(saturated(after.allowance_s));
        prefix_.add_bytes(after.matched_prefix);
        add_optional(rate_, after.rate_id);
        per_minute_.add_numeric(after.rate_per_minute.nanos);
        fee_.add_numeric(after.connect_fee.nanos);
        cost_.add_numeric(after.cost.nanos);
        add_optional(call_type_, after.call_type);
        status_.add_bytes(label(after.status));

        // The call as it was read: the statement changes it only if that still holds (C4).
        old_status_.add_bytes(label(change.before.status));
        old_cost_.add_numeric(change.before.cost.nanos);
        old_drawn_.add_int32(saturated(change.before.allowance_s));
    }
    return bind(values_, account_, start_, id_, billed_, drawn_, prefix_, rate_, per_minute_, fee_,
                cost_, call_type_, status_, old_status_, old_cost_, old_drawn_);
}

void adjustment_rows::add_side(stored_rating const& rating, array_parameter& status,
                               array_parameter& cost, array_parameter& billed,
                               array_parameter& drawn, array_parameter& rate) {
    status.add_bytes(label(rating.status));
    cost.add_numeric(rating.cost.nanos);
    billed.add_int32(saturated(rating.billed_s));
    drawn.add_int32(saturated(rating.allowance_s));
    add_optional(rate, rating.rate_id);
}

parameters& adjustment_rows::fill(std::span<call_change const> changes, ingest::uuid const& run_id,
                                  std::string_view reason, std::string_view author) {
    // Rows of a trail: nothing is locked, so they need no order.
    for (auto const& change : changes) {
        account_.add(change.key.account_id);
        start_.add_time(change.key.start);
        call_.add(change.key.id);
        id_.add(ingest::uuid_v7());

        add_side(change.before, old_status_, old_cost_, old_billed_, old_drawn_, old_rate_);
        add_side(change.after, new_status_, new_cost_, new_billed_, new_drawn_, new_rate_);
        currency_.add_bytes({change.currency.data(), change.currency.size()});
    }

    return bind(values_, account_, start_, call_, id_, old_status_, new_status_, old_cost_,
                new_cost_, old_billed_, new_billed_, old_drawn_, new_drawn_, old_rate_, new_rate_,
                currency_)
        .add(run_id)
        .add_optional_text(reason)
        .add_text(author);
}

} // namespace tally::storage
