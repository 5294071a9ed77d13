#include "reference_rater.hpp"

namespace tally::rating::tests {

namespace {

rate_step const& step_at(rate const& by, std::int64_t second) {
    rate_step const* found = nullptr;
    for (rate_step const& step : by.steps) {
        if (step.from_s <= second) {
            found = &step;
        }
    }
    return *found;
}

} // namespace

integer reference_round(fraction const& nanos, rounding how) {
    integer grid = 1;
    for (int place = how.decimals; place < 9; ++place) {
        grid *= 10;
    }
    bool const negative = nanos < 0;
    fraction const scaled = (negative ? fraction(-nanos) : nanos) / fraction(grid);
    integer lower = numerator(scaled) / denominator(scaled);
    fraction const over = scaled - fraction(lower);
    fraction const half(1, 2);
    bool const up = how.mode == rounding_mode::up        ? over > 0
                    : how.mode == rounding_mode::down    ? false
                    : how.mode == rounding_mode::half_up ? over >= half
                    : over == half                       ? lower % 2 != 0
                                                         : over > half;
    lower += up ? 1 : 0;
    return negative ? integer(-lower * grid) : integer(lower * grid);
}

std::optional<amount> reference_amount(integer const& nanos) {
    if (nanos > INT64_MAX || nanos < INT64_MIN) {
        return std::nullopt;
    }
    return amount{static_cast<std::int64_t>(nanos)};
}

reference_result reference_rate(rate const& by, std::int64_t call_s, std::int64_t allowance_left_s,
                                rounding how) {
    reference_result result;
    result.cost = amount{0};
    if (call_s <= by.grace_s) {
        return result;
    }
    fraction sum = 0;
    while (result.billed_s < call_s) {
        rate_step const& step = step_at(by, result.billed_s);
        if (by.allowance && allowance_left_s >= step.increment_s) {
            allowance_left_s -= step.increment_s;
            result.allowance_s += step.increment_s;
        } else {
            result.pays_connect_fee = true;
            sum += fraction(integer(step.price.nanos) * step.increment_s, integer(step.unit_s));
        }
        result.billed_s += step.increment_s;
    }
    if (!result.pays_connect_fee) {
        return result;
    }
    sum += by.connect_fee.nanos;
    if (by.minimum.nanos != 0 && sum < by.minimum.nanos) {
        sum = by.minimum.nanos;
    }
    if (by.maximum.nanos != INT64_MAX && sum > by.maximum.nanos) {
        sum = by.maximum.nanos;
    }
    result.cost = reference_amount(reference_round(sum, how));
    return result;
}

} // namespace tally::rating::tests
