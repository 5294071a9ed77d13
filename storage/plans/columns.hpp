#pragma once

#include "rating/plan/values.hpp"
#include "rating/tariff/tariff.hpp"

#include <algorithm>
#include <cstdint>

/// The parts of a plan as rows: for each table its columns as SQL, and the function that reads a
/// row of them. The catalog reads all plans so, and plan_store reads one.
///
/// `Fields` gives the fields of a row from left to right: uuid(), text(), int32(), boolean(),
/// time(none), amount(), amount_or(none), quantity(), optional_quantity(). It decides what follows
/// a number that is out of range. NULL is read as nil, empty text or zero.
namespace tally::storage::plan_columns {

inline constexpr char const* bands =
    "id, rate_plan_id, name,"
    " (SELECT coalesce(sum(DISTINCT 1 << (d - 1)), 0)::int4 FROM unnest(days) AS d),"
    " floor(extract(epoch FROM coalesce(from_time, '00:00')))::int4,"
    " ceil(extract(epoch FROM coalesce(to_time, '24:00')))::int4, weight";
inline constexpr char const* holidays = "rate_band_id, holiday - DATE '1970-01-01'";
inline constexpr char const* rates =
    "id, rate_plan_id, rate_band_id, is_on_net, prefix, name, call_type, direction, allowance,"
    " grace_s, connect_fee, minimum, maximum, effective_from, effective_to";
inline constexpr char const* steps = "rate_id, from_s, unit_s, increment_s, price";
inline constexpr char const* metrics =
    "id, rate_plan_id, name, unit, aggregation, unique_property, included, model,"
    " coalesce(price, 0), coalesce(package, 0), coalesce(percent, 0), minimum, maximum,"
    " effective_from, effective_to";
inline constexpr char const* tiers = "metric_price_id, up_to, price, flat";

/// The value of a name in the database; the first value for an unknown name.
template <typename Fields, typename Value, std::size_t Count>
Value read_name(Fields& row, std::array<rating::value_name<Value>, Count> const& names) {
    return rating::value_named(names, row.text()).value_or(Value{});
}

struct band_row {
    ingest::uuid id;
    ingest::uuid plan_id;
    rating::band value;
};

template <typename Fields>
band_row read_band(Fields& row) {
    band_row band;
    band.id = row.uuid();
    band.plan_id = row.uuid();
    band.value.name = row.text();
    band.value.days = static_cast<std::uint8_t>(row.int32());
    band.value.from_s = row.int32();
    band.value.to_s = row.int32();
    band.value.weight = row.int32();
    return band;
}

struct rate_row {
    ingest::uuid plan_id;
    ingest::uuid band_id; ///< nil: every band. `value.band` is not set
    rating::rate value;   ///< without its steps
};

template <typename Fields>
rate_row read_rate(Fields& row) {
    rate_row rate;
    auto& value = rate.value;
    value.id = row.uuid();
    rate.plan_id = row.uuid();
    rate.band_id = row.uuid();

    // Which calls it is for.
    value.is_on_net = row.boolean();
    value.prefix = row.text();
    value.name = row.text();
    value.call_type = row.text();
    value.direction = read_name(row, rating::direction_names);

    value.allowance = row.boolean();
    value.grace_s = static_cast<std::uint32_t>(std::max(row.int32(), 0));
    value.connect_fee = row.amount();
    value.minimum = row.amount();
    value.maximum = row.amount_or(value.maximum);
    value.effective_from = row.time(INT64_MIN);
    value.effective_to = row.time(INT64_MAX);
    return rate;
}

/// The step of a rate, whose id the caller has read.
template <typename Fields>
rating::rate_step read_step(Fields& row) {
    rating::rate_step step;
    step.from_s = static_cast<std::uint32_t>(row.int32());
    step.unit_s = static_cast<std::uint32_t>(row.int32());
    step.increment_s = static_cast<std::uint32_t>(row.int32());
    step.price = row.amount();
    return step;
}

struct metric_row {
    ingest::uuid plan_id;
    rating::metric_price value; ///< without its tiers
};

template <typename Fields>
metric_row read_metric(Fields& row) {
    metric_row metric;
    auto& value = metric.value;
    value.id = row.uuid();
    metric.plan_id = row.uuid();
    value.name = row.text();
    value.unit = row.text();
    value.method = read_name(row, rating::aggregation_names);
    value.unique_property = row.text();

    value.included = row.quantity();
    value.model = read_name(row, rating::model_names);
    value.price = row.amount();
    value.package = row.quantity();
    value.percent = row.amount();
    value.minimum = row.amount();
    value.maximum = row.amount_or(value.maximum);
    value.effective_from = row.time(INT64_MIN);
    value.effective_to = row.time(INT64_MAX);
    return metric;
}

/// The tier of a metric price, whose id the caller has read.
template <typename Fields>
rating::price_tier read_tier(Fields& row) {
    rating::price_tier tier;
    tier.up_to = row.optional_quantity();
    tier.price = row.amount();
    tier.flat = row.amount();
    return tier;
}

} // namespace tally::storage::plan_columns
