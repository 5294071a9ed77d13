#include "storage/plans/transaction.hpp"

#include "rating/plan/features.hpp"
#include "rating/plan/values.hpp"

#include <map>
#include <unordered_map>

// Reading a plan with all its versions.

namespace tally::storage {

namespace {

constexpr char const* head_sql =
    "SELECT p.id, p.code, p.name, coalesce(p.description, ''), p.currency, p.time_zone,"
    " p.monthly_price, p.annual_price, p.included_minutes, p.included_dids,"
    " p.max_concurrent_calls, p.rounding, p.decimals::int4, p.split_at_bands,"
    " coalesce(f.code, ''), p.features::text, coalesce(p.tier::text, ''),"
    " p.billing_interval::text, p.display_order, p.deleted_at IS NOT NULL,"
    " (SELECT count(*) FROM billing.subscriptions AS s WHERE s.rate_plan_id = p.id)"
    " FROM billing.rate_plans AS p LEFT JOIN billing.rate_plans AS f ON f.id = p.fallback_plan_id"
    " WHERE p.code = $1::text";

constexpr char const* bands_sql =
    "SELECT id, name,"
    " (SELECT coalesce(sum(DISTINCT 1 << (d - 1)), 0)::int4 FROM unnest(days) AS d),"
    " floor(extract(epoch FROM coalesce(from_time, '00:00')))::int4,"
    " ceil(extract(epoch FROM coalesce(to_time, '24:00')))::int4, weight"
    " FROM billing.rate_bands WHERE rate_plan_id = $1::uuid ORDER BY position, created_at, id";

constexpr char const* holidays_sql =
    "SELECT h.rate_band_id, h.holiday - DATE '1970-01-01' FROM billing.holidays AS h"
    " JOIN billing.rate_bands AS b ON b.id = h.rate_band_id"
    " WHERE b.rate_plan_id = $1::uuid AND isfinite(h.holiday) ORDER BY 1, 2";

constexpr char const* rates_sql =
    "SELECT id, rate_band_id, is_on_net, prefix, coalesce(name, ''), coalesce(call_type, ''),"
    " direction, allowance, grace_s, connect_fee, minimum, maximum, effective_from, effective_to"
    " FROM billing.rates WHERE rate_plan_id = $1::uuid ORDER BY id";

constexpr char const* steps_sql =
    "SELECT s.rate_id, s.from_s, s.unit_s, s.increment_s, s.price FROM billing.rate_steps AS s"
    " JOIN billing.rates AS r ON r.id = s.rate_id WHERE r.rate_plan_id = $1::uuid"
    " ORDER BY s.rate_id, s.from_s";

constexpr char const* metrics_sql =
    "SELECT id, name, unit, aggregation, coalesce(unique_property, ''), included, model,"
    " coalesce(price, 0), coalesce(package, 0), coalesce(percent, 0), minimum, maximum,"
    " effective_from, effective_to FROM billing.metric_prices WHERE rate_plan_id = $1::uuid"
    " ORDER BY id";

constexpr char const* tiers_sql =
    "SELECT t.metric_price_id, t.up_to, t.price, t.flat FROM billing.metric_tiers AS t"
    " JOIN billing.metric_prices AS m ON m.id = t.metric_price_id"
    " WHERE m.rate_plan_id = $1::uuid ORDER BY t.metric_price_id, t.position";

/// Reads the fields of one row, left to right.
class row_reader {
  public:
    row_reader(pq_rows const& rows, int row) : rows_(rows), row_(row) {}

    ingest::uuid uuid() { return uuid_at(rows_, row_, column_++); }
    std::string text() { return std::string{bytes_at(rows_, row_, column_++)}; }
    std::int32_t number() { return int32_at(rows_, row_, column_++); }
    std::int64_t count() { return int64_at(rows_, row_, column_++); }
    bool truth() { return bool_at(rows_, row_, column_++); }
    ingest::time_us time(ingest::time_us none) { return time_at(rows_, row_, column_++, none); }
    bool is_null() { return storage::is_null(rows_, row_, column_); }
    void skip() { ++column_; }
    rating::amount amount(rating::amount none = {}) {
        if (is_null()) {
            skip();
            return none;
        }
        return checked(wire::get_numeric(bytes_at(rows_, row_, column_++)));
    }
    rating::quantity quantity() {
        return {checked(wire::get_numeric_sum(bytes_at(rows_, row_, column_++))).nanos};
    }
    template <typename Value, std::size_t Count>
    Value word(std::array<rating::value_name<Value>, Count> const& names) {
        return rating::value_named(names, bytes_at(rows_, row_, column_++)).value_or(Value{});
    }

  private:
    template <typename Value>
    static Value checked(std::optional<Value> value) {
        if (!value) {
            throw plan_store_error{"an amount that is stored for the plan is out of range: more "
                                   "than nine decimals, or not below 9223372036"};
        }
        return *value;
    }

    pq_rows const& rows_;
    int row_;
    int column_ = 0;
};

template <typename Take>
void each_row(pq_rows const& rows, Take&& take) {
    for (int i = 0; i < row_count(rows); ++i) {
        take(row_reader{rows, i});
    }
}

void take_head(row_reader row, rating::stored_plan& out) {
    rating::plan_definition& plan = out.plan;
    out.id = row.uuid();
    plan.code = row.text();
    plan.name = row.text();
    plan.description = row.text();
    plan.currency = row.text();
    plan.time_zone = row.text();
    plan.monthly_price = row.amount();
    if (!row.is_null()) {
        plan.annual_price = row.amount();
    } else {
        row.skip();
    }
    plan.included_minutes = row.number();
    plan.included_dids = row.number();
    if (!row.is_null()) {
        plan.max_concurrent_calls = row.number();
    } else {
        row.skip();
    }
    plan.rounding_mode.mode = row.word(rating::rounding_names);
    plan.rounding_mode.decimals = static_cast<std::uint8_t>(row.number());
    plan.split_at_bands = row.truth();
    plan.fallback = row.text();
    std::string features = row.text();
    plan.features = rating::canonical_features(features).value_or(std::move(features));
    plan.tier = row.text();
    plan.billing_interval = row.text();
    plan.display_order = row.number();
    out.is_deleted = row.truth();
    out.subscriptions = row.count();
}

/// Reads the content of one plan, table by table. The parts (steps, tiers) come in the order of
/// their owners' ids, so that one pass joins them.
class content_reader {
  public:
    content_reader(plan_transaction& transaction, rating::stored_plan& out)
        : transaction_(transaction), out_(out) {}

    void read() {
        each_row(query(bands_sql), [this](row_reader row) { take_band(row); });
        each_row(query(holidays_sql), [this](row_reader row) { take_holiday(row); });
        each_row(query(rates_sql), [this](row_reader row) { take_rate(row); });
        each_row(query(steps_sql), [this](row_reader row) { take_step(row); });
        each_row(query(metrics_sql), [this](row_reader row) { take_metric(row); });
        each_row(query(tiers_sql), [this](row_reader row) { take_tier(row); });
    }

  private:
    pq_rows query(char const* sql) {
        parameters values;
        values.add(out_.id);
        return transaction_.query(sql, values);
    }

    void take_band(row_reader row) {
        out_.band_ids.push_back(row.uuid());
        places_.emplace(out_.band_ids.back(), static_cast<rating::band_index>(places_.size()));
        rating::band& one = out_.plan.bands.emplace_back();
        one.name = row.text();
        one.days = static_cast<std::uint8_t>(row.number());
        one.from_s = row.number();
        one.to_s = row.number();
        one.weight = row.number();
    }

    void take_holiday(row_reader row) {
        auto const index = places_.at(row.uuid());
        out_.plan.bands[index].dates.push_back(row.number());
    }

    void take_rate(row_reader row) {
        rating::rate& one = out_.plan.rates.emplace_back();
        one.id = row.uuid();
        auto const band = row.uuid();
        one.band = band.is_nil() ? rating::any_band : places_.at(band);
        one.is_on_net = row.truth();
        one.prefix = row.text();
        one.name = row.text();
        one.call_type = row.text();
        one.direction = row.word(rating::direction_names);
        one.allowance = row.truth();
        one.grace_s = static_cast<std::uint32_t>(row.number());
        one.connect_fee = row.amount();
        one.minimum = row.amount();
        one.maximum = row.amount(rating::amount{INT64_MAX});
        one.effective_from = row.time(INT64_MIN);
        one.effective_to = row.time(INT64_MAX);
    }

    void take_step(row_reader row) {
        auto const owner = row.uuid();
        auto& rates = out_.plan.rates;
        while (at_rate_ < rates.size() && rates[at_rate_].id < owner) {
            ++at_rate_;
        }
        if (at_rate_ < rates.size() && rates[at_rate_].id == owner) {
            rating::rate_step step;
            step.from_s = static_cast<std::uint32_t>(row.number());
            step.unit_s = static_cast<std::uint32_t>(row.number());
            step.increment_s = static_cast<std::uint32_t>(row.number());
            step.price = row.amount();
            rates[at_rate_].steps.push_back(step);
        }
    }

    void take_metric(row_reader row) {
        rating::metric_price& one = out_.plan.metrics.emplace_back();
        one.id = row.uuid();
        one.name = row.text();
        one.unit = row.text();
        one.method = row.word(rating::aggregation_names);
        one.unique_property = row.text();
        one.included = row.quantity();
        one.model = row.word(rating::model_names);
        one.price = row.amount();
        one.package = row.quantity();
        one.percent = row.amount();
        one.minimum = row.amount();
        one.maximum = row.amount(rating::amount{INT64_MAX});
        one.effective_from = row.time(INT64_MIN);
        one.effective_to = row.time(INT64_MAX);
    }

    void take_tier(row_reader row) {
        auto const owner = row.uuid();
        auto const found = std::ranges::find(out_.plan.metrics, owner, &rating::metric_price::id);
        if (found == out_.plan.metrics.end()) {
            return;
        }
        rating::price_tier tier;
        if (!row.is_null()) {
            tier.up_to = row.quantity();
        } else {
            row.skip();
        }
        tier.price = row.amount();
        tier.flat = row.amount();
        found->tiers.push_back(tier);
    }

    plan_transaction& transaction_;
    rating::stored_plan& out_;
    std::map<ingest::uuid, rating::band_index> places_;
    std::size_t at_rate_ = 0; ///< index of the rate that the next step may belong to
};

} // namespace

std::optional<rating::stored_plan> read_stored_plan(plan_transaction& transaction,
                                                    std::string_view code) {
    parameters values;
    values.add_text(code);
    auto const rows = transaction.query(head_sql, values);
    if (row_count(rows) == 0) {
        return std::nullopt;
    }
    rating::stored_plan plan;
    take_head(row_reader{rows, 0}, plan);
    content_reader{transaction, plan}.read();
    return plan;
}

} // namespace tally::storage
