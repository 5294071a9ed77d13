#include "rating/rater/metric_rater.hpp"

#include <algorithm>
#include <cstdint>

namespace tally::rating {

namespace {

using ingest::record_error;

/// An exact sum of prices times quantities: whole nanos and parts of a nano. The smallest part is
/// that of a percentage: nanos of percent times nanos of quantity, over 100.
class price_sum {
  public:
    void add(amount a) noexcept { whole_ += a.nanos; }

    /// Adds `price` for each unit. Quantities are not negative and together at most 10^18 units, so
    /// the whole part stays below 2^123.
    void add(amount price, quantity added) noexcept {
        whole_ += price.nanos * units_of(added);
        add_parts(price.nanos * rest_of(added) * (parts_per_nano / nanos_per_quantity));
    }

    /// Adds `percent` of the quantity, which is read as an amount.
    void add_percent(amount percent, quantity added) noexcept {
        int128 const hundredths = percent.nanos * units_of(added);
        whole_ += hundredths / 100;
        add_parts(hundredths % 100 * (parts_per_nano / 100) + percent.nanos * rest_of(added));
    }

    /// Adds `price` for each of `count` (up to 10^27). A product that does not fit 128 bits becomes
    /// a sum beyond every amount: only a maximum or minimum can bring it back into range.
    void add_counted(amount price, int128 count) noexcept {
        int128 product = 0;
        if (__builtin_mul_overflow(count, int128{price.nanos}, &product)) {
            product = price.nanos < 0 ? -whole_max : whole_max;
        }
        whole_ += product;
    }

    [[nodiscard]] bool is_below(amount bound) const noexcept { return whole_ < bound.nanos; }
    [[nodiscard]] bool is_above(amount bound) const noexcept {
        return whole_ > bound.nanos || (whole_ == bound.nanos && parts_ != 0);
    }

    [[nodiscard]] std::optional<amount> rounded(rounding rounding) const noexcept {
        // Rounding may bring a sum back into range that is less than a currency unit beyond it.
        constexpr int128 lowest = int128{INT64_MIN} - nanos_per_quantity;
        constexpr int128 highest = int128{INT64_MAX} + nanos_per_quantity;
        if (whole_ < lowest || whole_ > highest) {
            return std::nullopt;
        }
        return round_fraction(whole_ * parts_per_nano + parts_, parts_per_nano, rounding);
    }

  private:
    // A hundredth of a nano of price times a nano of quantity: 100 * 10^9 of them are one nano.
    static constexpr int128 parts_per_nano = 100'000'000'000;
    // Far above every amount, and small enough that a few of them cannot overflow.
    static constexpr int128 whole_max = int128{1} << 125;

    static int128 units_of(quantity q) noexcept { return q.nanos / nanos_per_quantity; }
    static int128 rest_of(quantity q) noexcept { return q.nanos % nanos_per_quantity; }

    /// Keeps 0 <= parts_ < parts_per_nano, so that comparisons can look at the whole part first.
    void add_parts(int128 parts) noexcept {
        parts_ += parts;
        int128 carry = parts_ / parts_per_nano;
        parts_ -= carry * parts_per_nano;
        if (parts_ < 0) {
            parts_ += parts_per_nano;
            --carry;
        }
        whole_ += carry;
    }

    int128 whole_ = 0; ///< nanos of the currency unit
    int128 parts_ = 0;
};

quantity minus(quantity a, quantity b) noexcept {
    return {a.nanos - b.nanos};
}

/// The free part of a period's total.
quantity included_of(metric_price const& price, quantity total) noexcept {
    // A total below zero (corrections) uses nothing of it.
    return std::clamp(total, quantity{}, price.included);
}

/// Each tier charges the part of the quantity that lies in it.
void add_graduated(metric_price const& price, quantity billable, price_sum& sum) noexcept {
    quantity begin;
    for (price_tier const& tier : price.tiers) {
        if (billable <= begin) {
            return;
        }
        // up_to belongs to its tier.
        quantity const end = tier.up_to ? std::min(billable, *tier.up_to) : billable;
        sum.add(tier.price, minus(end, begin));
        sum.add(tier.flat);
        begin = end;
    }
}

/// The tier in which the quantity ends charges all of it.
void add_volume(metric_price const& price, quantity billable, price_sum& sum) noexcept {
    for (price_tier const& tier : price.tiers) {
        if (!tier.up_to || billable <= *tier.up_to) {
            sum.add(tier.price, billable);
            sum.add(tier.flat);
            return;
        }
    }
}

/// The price of a quantity beyond the included one, before minimum and maximum.
price_sum unbounded_price(metric_price const& price, quantity billable) noexcept {
    // No quantity, no flat fee of a tier either.
    price_sum sum;
    if (billable.nanos == 0) {
        return sum;
    }

    switch (price.model) {
    case price_model::per_unit:
        sum.add(price.price, billable);
        break;
    // A started package counts as a whole one.
    case price_model::package:
        sum.add_counted(price.price,
                        (billable.nanos + price.package.nanos - 1) / price.package.nanos);
        break;
    case price_model::graduated:
        add_graduated(price, billable, sum);
        break;
    case price_model::volume:
        add_volume(price, billable, sum);
        break;
    case price_model::percentage:
        sum.add_percent(price.percent, billable);
        break;
    }
    return sum;
}

/// The period's total and its time after one more event.
metric_usage after_event(metric_price const& price, metric_usage before,
                         usage_event const& event) noexcept {
    // Only `latest` looks at the time: the other totals do not depend on the order of arrival.
    switch (price.method) {
    case aggregation::sum:
        before.total.nanos += event.value.nanos;
        break;
    case aggregation::count:
        before.total.nanos += nanos_per_quantity;
        break;
    // The total begins at 0, so a negative value never counts.
    case aggregation::max:
        before.total = std::max(before.total, event.value);
        break;
    case aggregation::unique:
        before.total.nanos += event.is_new_value ? nanos_per_quantity : 0;
        break;
    case aggregation::latest:
        // Of two values at one moment the greater counts, so that the order of arrival does not
        // matter.
        if (event.time > before.latest_at ||
            (event.time == before.latest_at && event.value > before.total)) {
            before = {event.value, event.time};
        }
        break;
    }
    return before;
}

/// Whether the database can store the total.
bool is_within_range(quantity total) noexcept {
    // numeric(28, 9) also has room for one more term, see quantity_max.
    return total <= quantity_max && total.nanos >= -quantity_max.nanos;
}

rated_usage failed() noexcept {
    rated_usage result;
    result.error = record_error::amount_overflow;
    return result;
}

} // namespace

std::optional<amount> period_price(metric_price const& price, rounding rounding,
                                   quantity total) noexcept {
    // Nothing was used, so no minimum is charged either.
    if (total.nanos <= 0) {
        return amount{};
    }
    price_sum sum = unbounded_price(price, minus(total, included_of(price, total)));

    // The bounds are those of the period's spend; they apply before rounding.
    if (price.maximum.nanos != INT64_MAX && sum.is_above(price.maximum)) {
        sum = {};
        sum.add(price.maximum);
    } else if (price.minimum.nanos != 0 && sum.is_below(price.minimum)) {
        sum = {};
        sum.add(price.minimum);
    }
    return sum.rounded(rounding);
}

rated_usage rate_usage(metric_price const& price, rounding rounding, metric_usage const& before,
                       usage_event const& event) noexcept {
    rated_usage result;
    result.after = after_event(price, before, event);
    if (!is_within_range(result.after.total)) {
        return failed();
    }

    // The event costs the difference of two rounded period prices, not its own rounded price. So
    // the costs of all events add up to the price of the period, without a rounding error.
    auto const price_before = period_price(price, rounding, before.total);
    auto const price_after = period_price(price, rounding, result.after.total);
    if (!price_before || !price_after ||
        __builtin_sub_overflow(price_after->nanos, price_before->nanos, &result.cost.nanos)) {
        return failed();
    }

    // What the event itself took of the included quantity, and what of it is charged.
    quantity const included_before = included_of(price, before.total);
    result.included_used = included_of(price, result.after.total);
    result.included = minus(result.included_used, included_before);
    result.billable = minus(minus(result.after.total, before.total), result.included);
    return result;
}

} // namespace tally::rating
