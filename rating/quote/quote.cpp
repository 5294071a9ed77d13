#include "rating/quote/quote.hpp"

#include "rating/catalog/guide.hpp"

#include <algorithm>

namespace tally::rating {

namespace {

using ingest::record_error;

ingest::cdr call_of(call_question const& asked) noexcept {
    // A call that was never made: rating reads only these members.
    ingest::cdr call;
    call.direction = asked.direction;
    call.caller_id = asked.caller;
    call.destination = asked.destination;
    call.start = asked.start;
    call.answer = asked.answer;
    call.duration_ms = asked.duration_ms;
    call.billsec_ms = asked.billable_ms;
    call.billable_ms = asked.billable_ms;
    return call;
}

bool needs_quantity(aggregation method) noexcept {
    return method != aggregation::count && method != aggregation::unique;
}

/// The value of a property; of several of one name, the last one. nullptr when there is none.
std::string const* property_of(usage_question const& asked, std::string_view name) noexcept {
    auto const found = std::find_if(asked.properties.rbegin(), asked.properties.rend(),
                                    [&](auto const& each) { return each.first == name; });
    return found == asked.properties.rend() ? nullptr : &found->second;
}

question_fault missing(std::string field, std::string const& reason) {
    return {record_error::missing_field, std::move(field), reason};
}

} // namespace

quoter::quoter(std::shared_ptr<tariff const> plan, quote_terms terms)
    : plan_(std::move(plan)), terms_(std::move(terms)), calendar_(plan_->head().time_zone),
      anchor_(calendar_.midnight(terms_.anchor)) {}

billing_period quoter::period_of(ingest::time_us t) {
    return calendar_.monthly(anchor_, t);
}

call_quote quoter::quote(call_question const& asked) {
    call_quote quoted;
    quoted.period = period_of(asked.start);
    quoted.before.included_s = plan_->head().included_s;

    // A period that was not asked about before begins with nothing used.
    if (terms_.carry) {
        quoted.before.used_s = allowance_used_s_[quoted.period.start];
    }

    // rate_call() reduces a copy: the period's own figure changes only if the questions belong
    // together.
    allowance left = quoted.before;
    auto const call = call_of(asked);
    quoted.on_net = asked.on_net.value_or(terms_.ours && is_on_net(call, *plan_, *terms_.ours));
    quoted.rated = explain_call(call, *plan_, left, quoted.on_net, quoted.pieces);
    if (terms_.carry) {
        allowance_used_s_[quoted.period.start] = left.used_s;
    }
    return quoted;
}

void quoter::rate(usage_question const& asked, metric_state& state, usage_quote& quoted) const {
    metric_price const& price = *quoted.price;
    usage_event event;
    event.time = asked.time;
    event.value = asked.value.value_or(quantity{});

    // A metric that counts distinct values charges a value only the first time in the period.
    std::string const* counted = nullptr;
    if (price.method == aggregation::unique) {
        counted = property_of(asked, price.unique_property);
        if (counted == nullptr) {
            quoted.fault = missing(price.unique_property, "the metric counts its values");
            return;
        }
        event.is_new_value = !state.values.contains(*counted);
    }

    quoted.before = state.used;
    quoted.rated = rate_usage(price, plan_->head().rounding_mode, state.used, event);

    // The price of the period explains the cost: the event costs its change.
    auto const period_cost =
        period_price(price, plan_->head().rounding_mode, quoted.rated.after.total);
    if (quoted.rated.error != record_error::none || !period_cost) {
        quoted.fault = {record_error::amount_overflow,
                        {},
                        std::string{ingest::explain(record_error::amount_overflow)}};
        return;
    }

    // The period's state changes only for an event that was rated.
    quoted.period_cost = *period_cost;
    state.used = quoted.rated.after;
    if (counted != nullptr && event.is_new_value) {
        state.values.insert(*counted);
    }
}

usage_quote quoter::quote(usage_question const& asked) {
    usage_quote quoted;
    // As a lane would do it: the price in effect at the event's time, then the quantity.
    quoted.price = plan_->find_metric(asked.metric, asked.time);
    if (quoted.price == nullptr) {
        quoted.fault = {record_error::no_rate, "metric",
                        "the plan has no price for this metric at that time"};
        return quoted;
    }
    if (needs_quantity(quoted.price->method) && !asked.value) {
        quoted.fault = missing("quantity", "the metric asks how much it was");
        return quoted;
    }

    // The state before the event: of the period so far, or an empty one.
    quoted.period = period_of(asked.time);
    if (terms_.carry) {
        rate(asked, metrics_[{quoted.period.start, asked.metric}], quoted);
    } else {
        metric_state fresh;
        rate(asked, fresh, quoted);
    }
    return quoted;
}

} // namespace tally::rating
