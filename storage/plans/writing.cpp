#include "storage/plans/writing.hpp"

#include "rating/plan/values.hpp"
#include "storage/postgres/array_binding.hpp"
#include "storage/postgres/command_error.hpp"

#include <algorithm>

// Writing the changes of a plan. Rows are sent as arrays, so that a deck of 200,000 prefixes takes
// a few statements.

namespace tally::storage {

namespace {

using rating::amount;

/// Rows per statement: so many that the round trips do not matter, few enough for memory.
constexpr std::size_t rows_max = 50'000;

/// Runs `sql` for the collected rows, if there are any: $1 is the plan, the columns follow in this
/// order.
template <typename... Column>
void run(plan_transaction& transaction, std::string const& sql, ingest::uuid const& plan,
         array_parameter& first, Column&... columns) {
    if (first.count() == 0) {
        return;
    }
    parameters values;
    values.add(plan).add(first);
    (values.add(columns), ...);
    transaction.query(sql, values);
    clear_all(first, columns...);
}

void add_text_or_null(array_parameter& parameters, std::string_view text) {
    text.empty() ? parameters.add_null() : parameters.add_bytes(text);
}

// The largest amount means "no maximum", which the table says by NULL.
void add_maximum(array_parameter& parameters, amount maximum) {
    maximum.nanos == INT64_MAX ? parameters.add_null() : parameters.add_numeric(maximum.nanos);
}

struct rate_columns {
    array_parameter id{wire::uuid_oid};
    array_parameter band{wire::uuid_oid};
    array_parameter prefix{wire::text_oid};
    array_parameter name{wire::text_oid};
    array_parameter direction{wire::text_oid};
    array_parameter call_type{wire::text_oid};
    array_parameter connect_fee{wire::numeric_oid};
    array_parameter minimum{wire::numeric_oid};
    array_parameter maximum{wire::numeric_oid};
    array_parameter grace_s{wire::int4_oid};
    array_parameter allowance{wire::bool_oid};
    array_parameter is_on_net{wire::bool_oid};
    array_parameter effective_from{wire::timestamptz_oid};
    array_parameter effective_to{wire::timestamptz_oid};
};

struct step_columns {
    array_parameter rate_id{wire::uuid_oid};
    array_parameter from_s{wire::int4_oid};
    array_parameter price{wire::numeric_oid};
    array_parameter unit_s{wire::int4_oid};
    array_parameter increment_s{wire::int4_oid};
};

/// Inserts rates with their steps.
class rate_writer {
  public:
    rate_writer(plan_transaction& transaction, ingest::uuid const& plan,
                std::vector<ingest::uuid> const& bands)
        : transaction_(transaction), plan_(plan), bands_(bands) {}

    void write(std::vector<rating::rate> const& rates) {
        // In parts, so that a deck of any length takes bounded memory.
        for (auto const& each : rates) {
            add(each);
            if (static_cast<std::size_t>(rates_.id.count()) >= rows_max) {
                flush();
            }
        }
        flush();
    }

  private:
    void add(rating::rate const& one) {
        // The id is made here, so that the steps can name their rate without a round trip.
        auto const id = ingest::uuid_v7();
        rates_.id.add(id);
        one.band == rating::any_band ? rates_.band.add_null() : rates_.band.add(bands_[one.band]);
        rates_.prefix.add_bytes(one.prefix);
        add_text_or_null(rates_.name, one.name);
        rates_.direction.add_bytes(rating::name_of(rating::direction_names, one.direction));
        add_text_or_null(rates_.call_type, one.call_type);
        rates_.connect_fee.add_numeric(one.connect_fee.nanos);
        rates_.minimum.add_numeric(one.minimum.nanos);
        add_maximum(rates_.maximum, one.maximum);
        rates_.grace_s.add_int32(static_cast<std::int32_t>(one.grace_s));
        rates_.allowance.add_bool(one.allowance);
        rates_.is_on_net.add_bool(one.is_on_net);
        rates_.effective_from.add_time(one.effective_from);
        rates_.effective_to.add_time(one.effective_to);

        for (auto const& step : one.steps) {
            steps_.rate_id.add(id);
            steps_.from_s.add_int32(static_cast<std::int32_t>(step.from_s));
            steps_.price.add_numeric(step.price.nanos);
            steps_.unit_s.add_int32(static_cast<std::int32_t>(step.unit_s));
            steps_.increment_s.add_int32(static_cast<std::int32_t>(step.increment_s));
        }
    }

    void flush() {
        // Rates first: their steps refer to them.
        run(transaction_,
            "INSERT INTO billing.rates (id, rate_plan_id, rate_band_id, prefix, name, direction,"
            " call_type, connect_fee, minimum, maximum, grace_s, allowance, is_on_net,"
            " effective_from, effective_to)"
            " SELECT id, $1::uuid, band, prefix, name, direction::billing.call_direction,"
            " call_type, fee, low, high, grace, allowance, on_net, since, until"
            " FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],"
            " $8::numeric[], $9::numeric[], $10::numeric[], $11::int4[], $12::bool[],"
            " $13::bool[], $14::timestamptz[], $15::timestamptz[]) AS r (id, band, prefix, name,"
            " direction, call_type, fee, low, high, grace, allowance, on_net, since, until)",
            plan_, rates_.id, rates_.band, rates_.prefix, rates_.name, rates_.direction,
            rates_.call_type, rates_.connect_fee, rates_.minimum, rates_.maximum, rates_.grace_s,
            rates_.allowance, rates_.is_on_net, rates_.effective_from, rates_.effective_to);

        // Then the steps, by the ids that were made above.
        run(transaction_,
            "INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)"
            " SELECT rate, from_s, price, unit_s, increment_s FROM unnest($2::uuid[], $3::int4[],"
            " $4::numeric[], $5::int4[], $6::int4[])"
            " AS s (rate, from_s, price, unit_s, increment_s) WHERE $1::uuid IS NOT NULL",
            plan_, steps_.rate_id, steps_.from_s, steps_.price, steps_.unit_s, steps_.increment_s);
    }

    plan_transaction& transaction_;
    ingest::uuid const& plan_;
    std::vector<ingest::uuid> const& bands_;
    rate_columns rates_;
    step_columns steps_;
};

/// Ends, renames and removes versions in `table`.
template <typename Version>
void change_versions(plan_transaction& transaction, std::string const& table,
                     ingest::uuid const& plan, rating::version_changes<Version> const& changes) {
    array_parameter ids{wire::uuid_oid};
    for (auto const& each : changes.removed) {
        ids.add(each.id);
    }
    run(transaction,
        "DELETE FROM billing." + table + " WHERE rate_plan_id = $1::uuid AND id = ANY ($2::uuid[])",
        plan, ids);
    array_parameter ended_ids{wire::uuid_oid};
    array_parameter ends{wire::timestamptz_oid};
    for (auto const& each : changes.ended) {
        ended_ids.add(each.before.id);
        ends.add_time(each.end);
    }
    run(transaction,
        "UPDATE billing." + table +
            " AS v SET effective_to = e.until"
            " FROM unnest($2::uuid[], $3::timestamptz[]) AS e (id, until)"
            " WHERE v.id = e.id AND v.rate_plan_id = $1::uuid",
        plan, ended_ids, ends);

    // A name is no term of a version, so it changes without a new one.
    array_parameter renamed_ids{wire::uuid_oid};
    array_parameter names{wire::text_oid};
    for (auto const& each : changes.renamed) {
        renamed_ids.add(each.id);
        add_text_or_null(names, each.name);
    }
    run(transaction,
        "UPDATE billing." + table +
            " AS v SET name = e.name"
            " FROM unnest($2::uuid[], $3::text[]) AS e (id, name)"
            " WHERE v.id = e.id AND v.rate_plan_id = $1::uuid",
        plan, renamed_ids, names);
}

void add_tiers(plan_transaction& transaction, ingest::uuid const& plan, ingest::uuid const& metric,
               std::vector<rating::price_tier> const& tiers) {
    array_parameter metrics{wire::uuid_oid};
    array_parameter positions{wire::int4_oid};
    array_parameter limits{wire::numeric_oid};
    array_parameter prices{wire::numeric_oid};
    array_parameter fees{wire::numeric_oid};

    for (std::size_t i = 0; i < tiers.size(); ++i) {
        metrics.add(metric);
        positions.add_int32(static_cast<std::int32_t>(i));
        tiers[i].up_to ? limits.add_numeric(tiers[i].up_to->nanos) : limits.add_null();
        prices.add_numeric(tiers[i].price.nanos);
        fees.add_numeric(tiers[i].flat.nanos);
    }

    run(transaction,
        "INSERT INTO billing.metric_tiers (metric_price_id, position, up_to, price, flat)"
        " SELECT metric, place, up_to, price, flat FROM unnest($2::uuid[], $3::int4[],"
        " $4::numeric[], $5::numeric[], $6::numeric[]) AS t (metric, place, up_to, price, flat)"
        " WHERE $1::uuid IS NOT NULL",
        plan, metrics, positions, limits, prices, fees);
}

void add_metric(plan_transaction& transaction, ingest::uuid const& plan,
                rating::metric_price const& one) {
    using rating::price_model;
    auto const id = ingest::uuid_v7();
    bool const has_price = one.model == price_model::per_unit || one.model == price_model::package;
    parameters values;
    values.add(id).add(plan).add_text(one.name).add_text(one.unit);
    values.add_text(rating::name_of(rating::aggregation_names, one.method));
    values.add_optional_text(one.unique_property).add_numeric(one.included.nanos);
    values.add_text(rating::name_of(rating::model_names, one.model));

    // What the model does not use is NULL, as the table's checks demand.
    has_price ? values.add_numeric(one.price.nanos) : values.add_null();
    one.package.nanos > 0 ? values.add_numeric(one.package.nanos) : values.add_null();
    one.model == price_model::percentage ? values.add_numeric(one.percent.nanos)
                                         : values.add_null();
    values.add_numeric(one.minimum.nanos);
    one.maximum.nanos == INT64_MAX ? values.add_null() : values.add_numeric(one.maximum.nanos);
    values.add_time(one.effective_from).add_time(one.effective_to);
    transaction.query(
        "INSERT INTO billing.metric_prices (id, rate_plan_id, name, unit, aggregation,"
        " unique_property, included, model, price, package, percent, minimum, maximum,"
        " effective_from, effective_to) VALUES ($1::uuid, $2::uuid, $3::text, $4::text,"
        " $5::text::billing.metric_aggregation, $6::text, $7::numeric,"
        " $8::text::billing.price_model, $9::numeric, $10::numeric, $11::numeric,"
        " $12::numeric, $13::numeric, $14::timestamptz, $15::timestamptz)",
        values);
    add_tiers(transaction, plan, id, one.tiers);
}

/// ISO days of the week as an array literal: "{1,2,5}".
std::string days_text(std::uint8_t days) {
    std::string text = "{";
    for (int day = 0; day < 7; ++day) {
        if ((days >> day & 1) != 0) {
            text.append(text.size() > 1 ? "," : "").append(std::to_string(day + 1));
        }
    }
    return text + "}";
}

void write_band(plan_transaction& transaction, ingest::uuid const& plan, ingest::uuid const& id,
                rating::band const& one) {
    parameters values;
    values.add(id).add(plan).add_text(one.name);

    // A bound at midnight is NULL in the table, so that the beginning and the end of a day have one
    // form.
    std::string const days = days_text(one.days);
    std::string const begin = rating::clock_text(one.from_s);
    std::string const out = rating::clock_text(one.to_s);
    values.add_text(days);
    values.add_optional_text(one.from_s == 0 ? std::string_view{} : begin);
    values.add_optional_text(one.to_s == rating::band::day_s ? std::string_view{} : out);
    values.add_int32(one.weight);
    transaction.query(
        "INSERT INTO billing.rate_bands AS b (id, rate_plan_id, name, days, from_time,"
        " to_time, weight) VALUES ($1::uuid, $2::uuid, $3::text, $4::text::smallint[],"
        " $5::text::time, $6::text::time, $7::int4) ON CONFLICT (id) DO UPDATE SET"
        " days = excluded.days, from_time = excluded.from_time, to_time = excluded.to_time,"
        " weight = excluded.weight",
        values);
    array_parameter dates{wire::date_oid};
    for (auto const day : one.dates) {
        dates.add_date(day);
    }
    parameters holidays;
    holidays.add(id).add(dates);
    transaction.query("WITH gone AS (DELETE FROM billing.holidays WHERE rate_band_id = $1::uuid"
                      " AND holiday <> ALL ($2::date[]))"
                      " INSERT INTO billing.holidays (rate_band_id, holiday)"
                      " SELECT $1::uuid, day FROM unnest($2::date[]) AS day ON CONFLICT DO NOTHING",
                      holidays);
}

/// Writes the bands that are new or changed; the new ones get ids.
void write_bands(plan_transaction& transaction, ingest::uuid const& plan,
                 std::vector<ingest::uuid>& band_ids, rating::plan_difference const& changes) {
    for (auto const index : changes.changed_bands) {
        write_band(transaction, plan, band_ids[index], changes.bands[index]);
    }

    // New bands get ids that rates can name before they are written.
    for (std::size_t slot_index = changes.stored_bands; slot_index < changes.bands.size();
         ++slot_index) {
        band_ids.push_back(ingest::uuid_v7());
        write_band(transaction, plan, band_ids[slot_index], changes.bands[slot_index]);
    }

    // Of bands of one weight the first one holds, so their order is a part of the plan.
    if (changes.is_reordered) {
        array_parameter ids{wire::uuid_oid};
        array_parameter positions{wire::int4_oid};
        for (std::size_t i = 0; i < changes.order.size(); ++i) {
            ids.add(band_ids[changes.order[i]]);
            positions.add_int32(static_cast<std::int32_t>(i));
        }
        run(transaction,
            "UPDATE billing.rate_bands AS b SET position = p.place"
            " FROM unnest($2::uuid[], $3::int4[]) AS p (id, place)"
            " WHERE b.id = p.id AND b.rate_plan_id = $1::uuid",
            plan, ids, positions);
    }
}

} // namespace

void write_plan_head(plan_transaction& transaction, rating::plan_definition const& plan,
                     ingest::uuid const& id, rating::plan_difference const& changes) {
    // An UPDATE of an unchanged row would notify all daemons to load the catalog again.
    if (!changes.is_new && changes.head.empty()) {
        return;
    }
    parameters values;
    values.add(id).add_text(plan.code).add_text(plan.name).add_optional_text(plan.description);
    values.add_text(plan.currency).add_text(plan.time_zone);
    values.add_numeric(plan.monthly_price.nanos);
    plan.annual_price ? values.add_numeric(plan.annual_price->nanos) : values.add_null();
    values.add_int32(plan.included_minutes).add_int32(plan.included_dids);
    plan.max_concurrent_calls ? values.add_int32(*plan.max_concurrent_calls) : values.add_null();
    values.add_text(rating::name_of(rating::rounding_names, plan.rounding_mode.mode));
    values.add_int32(plan.rounding_mode.decimals).add_bool(plan.split_at_bands);
    std::string const features = plan.features.empty() ? "{}" : plan.features;
    values.add_text(features).add_optional_text(plan.tier).add_text(plan.billing_interval);
    values.add_int32(plan.display_order);

    // By id, not by code: a new plan has a new id. The code never changes, so the update leaves it
    // out.
    transaction.query(
        "INSERT INTO billing.rate_plans AS p (id, code, name, description, currency,"
        " time_zone, monthly_price, annual_price, included_minutes, included_dids,"
        " max_concurrent_calls, rounding, decimals, split_at_bands, features, tier,"
        " billing_interval, display_order) VALUES ($1::uuid, $2::text, $3::text, $4::text,"
        " $5::text, $6::text, $7::numeric, $8::numeric, $9::int4, $10::int4, $11::int4,"
        " $12::text::billing.rounding_mode, $13::int4, $14::bool, $15::text::jsonb,"
        " $16::text::billing.plan_tier, $17::text::billing.billing_interval, $18::int4)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " description = excluded.description, currency = excluded.currency,"
        " time_zone = excluded.time_zone, monthly_price = excluded.monthly_price,"
        " annual_price = excluded.annual_price, included_minutes = excluded.included_minutes,"
        " included_dids = excluded.included_dids,"
        " max_concurrent_calls = excluded.max_concurrent_calls,"
        " rounding = excluded.rounding, decimals = excluded.decimals,"
        " split_at_bands = excluded.split_at_bands, features = excluded.features,"
        " tier = excluded.tier, billing_interval = excluded.billing_interval,"
        " display_order = excluded.display_order",
        values);
}

void write_fallback(plan_transaction& transaction, rating::plan_definition const& plan,
                    ingest::uuid const& id) {
    // A plan without a fallback has an empty code here, which no row has: the column becomes NULL.
    parameters values;
    values.add(id).add_text(plan.fallback);
    auto const rows = transaction.query(
        "UPDATE billing.rate_plans SET fallback_plan_id = (SELECT f.id FROM billing.rate_plans AS f"
        " WHERE f.code = $2::text AND f.deleted_at IS NULL) WHERE id = $1::uuid"
        " RETURNING fallback_plan_id IS NULL",
        values);
    if (!plan.fallback.empty() && row_count(rows) > 0 && bool_at(rows, 0, 0)) {
        throw command_error{"plan '" + plan.code + "': there is no plan '" + plan.fallback +
                            "' to fall back to; apply it before, or in the same command"};
    }
}

void write_plan_content(plan_transaction& transaction, ingest::uuid const& id,
                        std::vector<ingest::uuid> band_ids,
                        rating::plan_difference const& changes) {
    // Bands first, since rates name them; old versions end before new ones begin, or they would
    // overlap.
    write_bands(transaction, id, band_ids, changes);
    change_versions(transaction, "rates", id, changes.rates);
    change_versions(transaction, "metric_prices", id, changes.metrics);
    rate_writer{transaction, id, band_ids}.write(changes.rates.added);
    for (auto const& each : changes.metrics.added) {
        add_metric(transaction, id, each);
    }

    // Only bands that no rate has ever named: with another one its rates would be deleted, too
    // (ON DELETE CASCADE), and with them what old calls were charged by.
    array_parameter gone{wire::uuid_oid};
    for (auto const index : changes.removed_bands) {
        gone.add(band_ids[index]);
    }
    run(transaction,
        "DELETE FROM billing.rate_bands WHERE rate_plan_id = $1::uuid AND id = ANY ($2::uuid[])",
        id, gone);
}

} // namespace tally::storage
