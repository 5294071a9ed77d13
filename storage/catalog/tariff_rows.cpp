#include "storage/catalog/tariff_rows.hpp"

#include "rating/plan/values.hpp"
#include "storage/plans/columns.hpp"

#include <algorithm>

namespace tally::storage {

namespace {

// A deleted plan still prices the calls of the subscriptions that have it, and may be a fallback.
constexpr char const* plans_sql =
    "COPY (SELECT p.id, p.code, p.currency, p.time_zone, p.rounding, p.decimals,"
    " p.included_minutes, p.split_at_bands, p.fallback_plan_id"
    " FROM billing.rate_plans AS p WHERE p.deleted_at IS NULL"
    " OR EXISTS (SELECT FROM billing.subscriptions AS s WHERE s.rate_plan_id = p.id)"
    " OR EXISTS (SELECT FROM billing.rate_plans AS f WHERE f.fallback_plan_id = p.id)"
    " ORDER BY p.code) TO STDOUT (FORMAT binary)";

constexpr char const* destinations_sql =
    "COPY (SELECT prefix, name, call_type FROM billing.destinations) TO STDOUT (FORMAT binary)";

/// Copies these columns of a table.
std::string copy_out_sql(char const* columns, char const* rest) {
    return "COPY (SELECT " + std::string{columns} + " FROM " + rest + ") TO STDOUT (FORMAT binary)";
}

/// Fields of a row of COPY that remember whether all of their numbers were in range.
struct counted_fields : copy_fields {
    bool fits = true;

    rating::amount amount() noexcept { return amount_or(rating::amount{}, false); }
    /// `none` for NULL.
    rating::amount amount_or(rating::amount none, bool is_optional = true) noexcept {
        auto const field = next();
        if (!field && is_optional) {
            return none;
        }

        // A number that does not fit makes the whole rate unusable: a wrong price is worse than
        // none.
        auto const value = wire::get_numeric(field.value_or(std::string_view{}));
        fits = fits && value;
        return value.value_or(rating::amount{});
    }
    rating::quantity quantity() noexcept {
        return optional_quantity().value_or(rating::quantity{});
    }
    std::optional<rating::quantity> optional_quantity() noexcept {
        auto const field = next();
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

    // The terms that hold for all rates of the plan.
    head.time_zone = row.text();
    head.rounding_mode.mode = plan_columns::read_name(row, rating::rounding_names);
    head.rounding_mode.decimals = static_cast<std::uint8_t>(row.int16());
    // Minutes in the table, seconds everywhere else.
    head.included_s = static_cast<std::int64_t>(row.int32()) * 60;
    head.split_at_bands = row.boolean();
    if (ingest::uuid const fallback = row.uuid(); !fallback.is_nil()) {
        taken.fallback_id = fallback;
    }

    // Bands, rates and metrics name their plan by id.
    plan_indices_.emplace(head.plan_id, plans_.size());
    plans_.push_back(std::move(taken));
}

void tariff_rows::take_band(copy_fields row) {
    auto taken = plan_columns::read_band(row);
    auto const plan = plan_indices_.find(taken.plan_id);
    if (plan == plan_indices_.end()) {
        return;
    }
    auto& bands = plans_[plan->second].content.bands;
    // Rates name their band by id, and the tariff by its index within the plan.
    bands_.emplace(taken.id, band_row{plan->second, static_cast<rating::band_index>(bands.size())});
    bands.push_back(std::move(taken.value));
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
    counted_fields fields{row};
    auto read = plan_columns::read_rate(fields);
    auto const plan = plan_indices_.find(read.plan_id);
    if (plan == plan_indices_.end()) {
        return;
    }
    rate_row taken{std::move(read.value), plan->second, fields.fits};

    // A rate of another plan's band would be valid at hours that its own plan does not have.
    if (!read.band_id.is_nil()) {
        auto const band = bands_.find(read.band_id);
        if (band == bands_.end() || band->second.plan != taken.plan) {
            warnings_.add(name_of(taken.plan) + ": rate " + ingest::to_string(taken.value.id) +
                          " is left out: its band is another plan's");
            return;
        }
        taken.value.band = band->second.index;
    }
    complete(taken.value);
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

    counted_fields fields{row};
    rates_[at_rate_].value.steps.push_back(plan_columns::read_step(fields));
    rates_[at_rate_].is_usable = rates_[at_rate_].is_usable && fields.fits;
}

void tariff_rows::take_metric(copy_fields row) {
    counted_fields fields{row};
    auto read = plan_columns::read_metric(fields);
    auto const plan = plan_indices_.find(read.plan_id);
    if (plan != plan_indices_.end()) {
        metrics_.push_back({plan->second, std::move(read.value), fields.fits});
    }
}

void tariff_rows::take_tier(copy_fields row) {
    ingest::uuid const metric_id = row.uuid();
    // As in take_step().
    while (at_metric_ < metrics_.size() && metrics_[at_metric_].value.id < metric_id) {
        ++at_metric_;
    }
    if (at_metric_ == metrics_.size() || metrics_[at_metric_].value.id != metric_id) {
        return;
    }
    counted_fields fields{row};
    metrics_[at_metric_].value.tiers.push_back(plan_columns::read_tier(fields));
    metrics_[at_metric_].is_usable = metrics_[at_metric_].is_usable && fields.fits;
}

result tariff_rows::read_table(std::string const& sql, void (tariff_rows::*take)(copy_fields)) {
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

result tariff_rows::read_parts_of_plans() {
    using take_function = void (tariff_rows::*)(copy_fields);
    struct table {
        char const* columns;
        char const* rest;
        take_function take;
    };

    // The order matters: each table needs the rows of those before it. Steps and tiers come in the
    // order of the rows that they belong to.
    for (auto const& [columns, rest, take] : {
             table{plan_columns::bands,
                   "billing.rate_bands ORDER BY rate_plan_id, position, created_at, id",
                   &tariff_rows::take_band},
             table{plan_columns::holidays,
                   "billing.holidays WHERE isfinite(holiday) ORDER BY rate_band_id, holiday",
                   &tariff_rows::take_holiday},
             table{plan_columns::rates, "billing.rates ORDER BY id", &tariff_rows::take_rate},
             table{plan_columns::steps, "billing.rate_steps ORDER BY rate_id, from_s",
                   &tariff_rows::take_step},
             table{plan_columns::metrics, "billing.metric_prices ORDER BY id",
                   &tariff_rows::take_metric},
             table{plan_columns::tiers, "billing.metric_tiers ORDER BY metric_price_id, position",
                   &tariff_rows::take_tier},
         }) {
        if (result status = read_table(copy_out_sql(columns, rest), take); !status.ok()) {
            return status;
        }
    }
    return {};
}

result tariff_rows::read() {
    result status = read_table(plans_sql, &tariff_rows::take_plan);
    if (status.ok()) {
        status = read_table(destinations_sql, &tariff_rows::take_destination);
    }
    if (!status.ok()) {
        return status;
    }

    index_destinations(); // take_rate() uses the index
    status = read_parts_of_plans();
    if (status.ok()) {
        give_rates_to_plans();
        give_metrics_to_plans();
    }
    return status;
}

} // namespace tally::storage
