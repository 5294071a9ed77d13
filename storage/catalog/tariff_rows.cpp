#include "storage/catalog/tariff_rows.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

constexpr char const* plans_sql =
    "COPY (SELECT p.id, p.code, p.currency, p.time_zone, p.rounding, p.decimals,"
    " p.included_minutes, p.split_at_bands, p.fallback_plan_id"
    " FROM billing.rate_plans AS p WHERE p.deleted_at IS NULL"
    " OR EXISTS (SELECT FROM billing.subscriptions AS s WHERE s.rate_plan_id = p.id)"
    " OR EXISTS (SELECT FROM billing.rate_plans AS f WHERE f.fallback_plan_id = p.id)"
    " ORDER BY p.code) TO STDOUT (FORMAT binary)";

constexpr char const* bands_sql =
    "COPY (SELECT id, rate_plan_id, name,"
    " (SELECT coalesce(sum(DISTINCT 1 << (d - 1)), 0)::int4 FROM unnest(days) AS d),"
    " floor(extract(epoch FROM coalesce(from_time, '00:00')))::int4,"
    " ceil(extract(epoch FROM coalesce(to_time, '24:00')))::int4, weight"
    " FROM billing.rate_bands ORDER BY rate_plan_id, position, created_at, id)"
    " TO STDOUT (FORMAT binary)";

constexpr char const* holidays_sql =
    "COPY (SELECT rate_band_id, holiday - DATE '1970-01-01' FROM billing.holidays"
    " WHERE isfinite(holiday) ORDER BY rate_band_id, holiday) TO STDOUT (FORMAT binary)";

constexpr char const* destinations_sql =
    "COPY (SELECT prefix, name, call_type FROM billing.destinations) TO STDOUT (FORMAT binary)";

constexpr char const* rates_sql =
    "COPY (SELECT id, rate_plan_id, rate_band_id, is_on_net, prefix, name, call_type, direction,"
    " allowance, grace_s, connect_fee, minimum, maximum, effective_from, effective_to"
    " FROM billing.rates ORDER BY id) TO STDOUT (FORMAT binary)";

constexpr char const* steps_sql =
    "COPY (SELECT rate_id, from_s, unit_s, increment_s, price FROM billing.rate_steps"
    " ORDER BY rate_id, from_s) TO STDOUT (FORMAT binary)";

constexpr char const* metrics_sql =
    "COPY (SELECT id, rate_plan_id, name, unit, aggregation, unique_property, included, model,"
    " coalesce(price, 0), coalesce(package, 0), coalesce(percent, 0), minimum, maximum,"
    " effective_from, effective_to FROM billing.metric_prices ORDER BY id)"
    " TO STDOUT (FORMAT binary)";

constexpr char const* tiers_sql =
    "COPY (SELECT metric_price_id, up_to, price, flat FROM billing.metric_tiers"
    " ORDER BY metric_price_id, position) TO STDOUT (FORMAT binary)";

/// The value of an enum for its label in the database. `labels` are in the order of the enum; an
/// unknown label gives the first value.
template <typename Enum, std::size_t Count>
Enum value_of(std::string_view label, std::array<std::string_view, Count> const& labels) noexcept {
    auto const found = std::find(labels.begin(), labels.end(), label);
    return static_cast<Enum>(found == labels.end() ? 0 : found - labels.begin());
}

constexpr std::array<std::string_view, 4> rounding_labels{"up", "down", "half_up", "half_even"};
constexpr std::array<std::string_view, 5> aggregation_labels{"sum", "count", "max", "unique",
                                                             "latest"};
constexpr std::array<std::string_view, 5> model_labels{"per_unit", "package", "graduated", "volume",
                                                       "percentage"};

/// Reads numerics and remembers whether all of them were in range.
struct numeric_reader {
    copy_fields& row;
    bool fits = true;

    rating::amount amount() noexcept { return amount_or(rating::amount{}, false); }
    /// `none` for NULL.
    rating::amount amount_or(rating::amount none, bool is_optional = true) noexcept {
        auto const field = row.next();
        if (!field && is_optional) {
            return none;
        }
        auto const value = wire::get_numeric(field.value_or(std::string_view{}));
        fits = fits && value;
        return value.value_or(rating::amount{});
    }
    rating::quantity quantity() noexcept {
        return optional_quantity().value_or(rating::quantity{});
    }
    std::optional<rating::quantity> optional_quantity() noexcept {
        auto const field = row.next();
        if (!field) {
            return std::nullopt;
        }
        auto const value = wire::get_numeric_sum(*field);
        fits = fits && value;
        return rating::quantity{value ? value->nanos : 0};
    }
};

} // namespace

std::string tariff_rows::name_of(std::size_t plan) const {
    return "plan '" + plans_[plan].content.head.code + "'";
}

void tariff_rows::take_plan(copy_fields row) {
    plan_row taken;
    rating::tariff::header& head = taken.content.head;
    head.plan_id = row.uuid();
    head.code = row.text();
    std::string_view const currency = row.text();
    std::copy_n(currency.begin(), std::min(currency.size(), head.currency.size()),
                head.currency.begin());
    head.time_zone = row.text();
    head.rounding_mode.mode = value_of<rating::rounding_mode>(row.text(), rounding_labels);
    head.rounding_mode.decimals = static_cast<std::uint8_t>(row.int16());
    head.included_s = static_cast<std::int64_t>(row.int32()) * 60;
    head.split_at_bands = row.boolean();
    if (ingest::uuid const fallback = row.uuid(); !fallback.is_nil()) {
        taken.fallback_id = fallback;
    }
    plan_places_.emplace(head.plan_id, plans_.size());
    plans_.push_back(std::move(taken));
}

void tariff_rows::take_band(copy_fields row) {
    ingest::uuid const id = row.uuid();
    auto const plan = plan_places_.find(row.uuid());
    if (plan == plan_places_.end()) {
        return;
    }
    auto& bands = plans_[plan->second].content.bands;
    rating::band band;
    band.name = row.text();
    band.days = static_cast<std::uint8_t>(row.int32());
    band.from_s = row.int32();
    band.to_s = row.int32();
    band.weight = row.int32();
    bands_.emplace(id, band_row{plan->second, static_cast<rating::band_index>(bands.size())});
    bands.push_back(std::move(band));
}

void tariff_rows::take_holiday(copy_fields row) {
    if (auto const band = bands_.find(row.uuid()); band != bands_.end()) {
        auto& bands = plans_[band->second.plan].content.bands;
        bands[band->second.index].dates.push_back(row.int32());
    }
}

void tariff_rows::take_destination(copy_fields row) {
    destination_row taken;
    taken.prefix = row.text();
    taken.name = row.text();
    taken.call_type = row.text();
    destinations_.push_back(std::move(taken));
}

void tariff_rows::index_destinations() {
    std::vector<std::pair<std::string_view, std::uint32_t>> pairs;
    for (auto const& each : destinations_) {
        pairs.emplace_back(each.prefix, static_cast<std::uint32_t>(pairs.size()));
    }
    destination_index_ = rating::prefix_index{pairs};
}

/// Fills in the name and the call type that a rate does not have from its destination.
void tariff_rows::complete(rating::rate& rate) const {
    if (!rate.name.empty() && !rate.call_type.empty()) {
        return;
    }
    std::uint32_t const found = destination_index_.longest(rate.prefix);
    if (found == rating::prefix_index::none) {
        return;
    }
    auto const& destination = destinations_[found];
    rate.name = rate.name.empty() ? destination.name : rate.name;
    rate.call_type = rate.call_type.empty() ? destination.call_type : rate.call_type;
}

void tariff_rows::take_rate(copy_fields row) {
    rate_row taken;
    rating::rate& rate = taken.value;
    rate.id = row.uuid();
    auto const plan = plan_places_.find(row.uuid());
    if (plan == plan_places_.end()) {
        return;
    }
    taken.plan = plan->second;

    if (ingest::uuid const band_id = row.uuid(); !band_id.is_nil()) {
        auto const band = bands_.find(band_id);
        if (band == bands_.end() || band->second.plan != taken.plan) {
            warnings_.add(name_of(taken.plan) + ": rate " + ingest::to_string(rate.id) +
                          " is left out: its band is another plan's");
            return;
        }
        rate.band = band->second.index;
    }

    // In the order of rates_sql's columns.
    rate.is_on_net = row.boolean();
    rate.prefix = row.text();
    rate.name = row.text();
    rate.call_type = row.text();
    rate.direction = row.text() == "inbound" ? ingest::call_direction::inbound
                                             : ingest::call_direction::outbound;
    rate.allowance = row.boolean();
    rate.grace_s = static_cast<std::uint32_t>(std::max(row.int32(), 0));
    numeric_reader amounts{row};
    rate.connect_fee = amounts.amount();
    rate.minimum = amounts.amount();
    rate.maximum = amounts.amount_or(rate.maximum);
    taken.is_usable = amounts.fits;
    rate.effective_from = row.time(INT64_MIN);
    rate.effective_to = row.time(INT64_MAX);
    complete(rate);
    rates_.push_back(std::move(taken));
}

void tariff_rows::take_step(copy_fields row) {
    ingest::uuid const rate_id = row.uuid();
    // Both tables are sorted by the rate's id, so one pass joins them.
    while (at_rate_ < rates_.size() && rates_[at_rate_].value.id < rate_id) {
        ++at_rate_;
    }
    if (at_rate_ == rates_.size() || rates_[at_rate_].value.id != rate_id) {
        return; // the step of a rate that was left out
    }

    rating::rate_step step;
    step.from_s = static_cast<std::uint32_t>(row.int32());
    step.unit_s = static_cast<std::uint32_t>(row.int32());
    step.increment_s = static_cast<std::uint32_t>(row.int32());
    numeric_reader amounts{row};
    step.price = amounts.amount();
    rates_[at_rate_].is_usable = rates_[at_rate_].is_usable && amounts.fits;
    rates_[at_rate_].value.steps.push_back(step);
}

void tariff_rows::take_metric(copy_fields row) {
    metric_row taken;
    taken.id = row.uuid();
    auto const plan = plan_places_.find(row.uuid());
    if (plan == plan_places_.end()) {
        return;
    }
    taken.plan = plan->second;
    rating::metric_price& metric = taken.value;
    metric.id = taken.id;
    metric.name = row.text();
    metric.unit = row.text();
    metric.method = value_of<rating::aggregation>(row.text(), aggregation_labels);
    metric.unique_property = row.text();
    numeric_reader numbers{row};
    metric.included = numbers.quantity();
    metric.model = value_of<rating::price_model>(row.text(), model_labels);
    metric.price = numbers.amount();
    metric.package = numbers.quantity();
    metric.percent = numbers.amount();
    metric.minimum = numbers.amount();
    metric.maximum = numbers.amount_or(metric.maximum);
    taken.is_usable = numbers.fits;
    metric.effective_from = row.time(INT64_MIN);
    metric.effective_to = row.time(INT64_MAX);
    metrics_.push_back(std::move(taken));
}

void tariff_rows::take_tier(copy_fields row) {
    ingest::uuid const metric_id = row.uuid();
    while (at_metric_ < metrics_.size() && metrics_[at_metric_].id < metric_id) {
        ++at_metric_;
    }
    if (at_metric_ == metrics_.size() || metrics_[at_metric_].id != metric_id) {
        return;
    }
    numeric_reader numbers{row};
    rating::price_tier tier;
    tier.up_to = numbers.optional_quantity();
    tier.price = numbers.amount();
    tier.flat = numbers.amount();
    metrics_[at_metric_].is_usable = metrics_[at_metric_].is_usable && numbers.fits;
    metrics_[at_metric_].value.tiers.push_back(tier);
}

result tariff_rows::read_table(char const* sql, void (tariff_rows::*take)(copy_fields)) {
    return connection_.copy_out(sql, [this, take](std::string_view chunk) {
        if (copy_fields const row{chunk}; row.is_row()) {
            (this->*take)(row);
        }
    });
}

void tariff_rows::give_rates_to_plans() {
    for (auto& each : rates_) {
        if (each.is_usable) {
            plans_[each.plan].content.rates.push_back(std::move(each.value));
        } else {
            warnings_.add(name_of(each.plan) + ": rate " + ingest::to_string(each.value.id) +
                          " (prefix '" + each.value.prefix +
                          "') is left out: an amount of it is out of range");
        }
    }
    rates_ = {};
}

void tariff_rows::give_metrics_to_plans() {
    for (auto& each : metrics_) {
        if (each.is_usable) {
            plans_[each.plan].content.metrics.push_back(std::move(each.value));
        } else {
            warnings_.add(name_of(each.plan) + ": metric '" + each.value.name +
                          "' is left out: a number of it is out of range");
        }
    }
    metrics_ = {};
}

result tariff_rows::read() {
    struct table {
        char const* sql;
        void (tariff_rows::*take)(copy_fields);
    };
    for (auto const& [sql, take] :
         {table{plans_sql, &tariff_rows::take_plan}, table{bands_sql, &tariff_rows::take_band},
          table{holidays_sql, &tariff_rows::take_holiday},
          table{destinations_sql, &tariff_rows::take_destination},
          table{rates_sql, &tariff_rows::take_rate}, table{steps_sql, &tariff_rows::take_step},
          table{metrics_sql, &tariff_rows::take_metric},
          table{tiers_sql, &tariff_rows::take_tier}}) {
        if (result const status = read_table(sql, take); !status.ok()) {
            return status;
        }
        if (sql == destinations_sql) {
            index_destinations(); // take_rate() uses the index
        }
    }
    give_rates_to_plans();
    give_metrics_to_plans();
    return {};
}

} // namespace tally::storage
