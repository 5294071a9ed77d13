#include "storage/plans/reading.hpp"

#include "rating/plan/features.hpp"
#include "rating/plan/values.hpp"
#include "storage/plans/columns.hpp"
#include "storage/postgres/command_error.hpp"

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

/// Reads the fields of one row, left to right.
class row_reader {
  public:
    row_reader(pq_rows const& rows, int row) : rows_(rows), row_(row) {}

    ingest::uuid uuid() { return uuid_at(rows_, row_, column_++); }
    std::string text() { return std::string{bytes_at(rows_, row_, column_++)}; }
    std::int32_t int32() { return int32_at(rows_, row_, column_++); }
    std::int64_t count() { return int64_at(rows_, row_, column_++); }
    bool boolean() { return bool_at(rows_, row_, column_++); }
    ingest::time_us time(ingest::time_us none) { return time_at(rows_, row_, column_++, none); }
    bool is_null() { return storage::is_null(rows_, row_, column_); }
    void skip() { ++column_; }
    rating::amount amount() { return checked(wire::get_numeric(bytes_at(rows_, row_, column_++))); }
    /// `none` for NULL.
    rating::amount amount_or(rating::amount none) {
        if (is_null()) {
            skip();
            return none;
        }
        return amount();
    }
    rating::quantity quantity() {
        return {checked(wire::get_numeric_sum(bytes_at(rows_, row_, column_++))).nanos};
    }
    std::optional<rating::quantity> optional_quantity() {
        if (is_null()) {
            skip();
            return std::nullopt;
        }
        return quantity();
    }

  private:
    // An amount that is out of range must not be shown, or applied again, as another one.
    template <typename Value>
    static Value checked(std::optional<Value> value) {
        if (!value) {
            throw command_error{"an amount that is stored for the plan is out of range: more "
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

    // Prices and allowances; NULL is "none" or "no limit".
    plan.monthly_price = row.amount();
    if (!row.is_null()) {
        plan.annual_price = row.amount();
    } else {
        row.skip();
    }
    plan.included_minutes = row.int32();
    plan.included_dids = row.int32();
    if (!row.is_null()) {
        plan.max_concurrent_calls = row.int32();
    } else {
        row.skip();
    }

    // How calls are rated.
    plan.rounding_mode.mode = plan_columns::read_name(row, rating::rounding_names);
    plan.rounding_mode.decimals = static_cast<std::uint8_t>(row.int32());
    plan.split_at_bands = row.boolean();
    plan.fallback = row.text();
    // Canonical, so that two spellings of one object are no difference between file and database.
    std::string features = row.text();
    plan.features = rating::canonical_features(features).value_or(std::move(features));

    // The price list, and whether the plan can be changed.
    plan.tier = row.text();
    plan.billing_interval = row.text();
    plan.display_order = row.int32();
    out.is_deleted = row.boolean();
    out.subscriptions = row.count();
}

/// Reads the content of one plan, table by table. The parts (steps, tiers) come in the order of
/// their owners' ids, so that one pass joins them.
class content_reader {
  public:
    content_reader(plan_transaction& transaction, rating::stored_plan& out)
        : transaction_(transaction), out_(out) {}

    void read() {
        // In the order in which parts refer to each other: a holiday to its band, a rate to its
        // band.
        using namespace plan_columns;
        each_row(query(bands, "billing.rate_bands WHERE rate_plan_id = $1::uuid"
                              " ORDER BY position, created_at, id"),
                 [this](row_reader row) { take_band(row); });
        each_row(query(holidays, "billing.holidays WHERE rate_band_id IN (SELECT id FROM"
                                 " billing.rate_bands WHERE rate_plan_id = $1::uuid)"
                                 " AND isfinite(holiday) ORDER BY 1, 2"),
                 [this](row_reader row) { take_holiday(row); });
        each_row(query(rates, "billing.rates WHERE rate_plan_id = $1::uuid ORDER BY id"),
                 [this](row_reader row) { take_rate(row); });
        each_row(query(steps, "billing.rate_steps WHERE rate_id IN (SELECT id FROM billing.rates"
                              " WHERE rate_plan_id = $1::uuid) ORDER BY rate_id, from_s"),
                 [this](row_reader row) { take_step(row); });

        // Metrics have no part in common with rates.
        each_row(query(metrics, "billing.metric_prices WHERE rate_plan_id = $1::uuid ORDER BY id"),
                 [this](row_reader row) { take_metric(row); });
        each_row(query(tiers, "billing.metric_tiers WHERE metric_price_id IN (SELECT id FROM"
                              " billing.metric_prices WHERE rate_plan_id = $1::uuid)"
                              " ORDER BY metric_price_id, position"),
                 [this](row_reader row) { take_tier(row); });
    }

  private:
    pq_rows query(std::string const& columns, char const* rest) {
        parameters values;
        values.add(out_.id);
        return transaction_.query("SELECT " + columns + " FROM " + rest, values);
    }

    void take_band(row_reader row) {
        auto band = plan_columns::read_band(row);
        band_indices_.emplace(band.id, static_cast<rating::band_index>(band_indices_.size()));
        out_.band_ids.push_back(band.id);
        out_.plan.bands.push_back(std::move(band.value));
    }

    void take_holiday(row_reader row) {
        auto const index = band_indices_.at(row.uuid());
        out_.plan.bands[index].dates.push_back(row.int32());
    }

    void take_rate(row_reader row) {
        auto rate = plan_columns::read_rate(row);
        rate.value.band = rate.band_id.is_nil() ? rating::any_band : band_indices_.at(rate.band_id);
        out_.plan.rates.push_back(std::move(rate.value));
    }

    void take_step(row_reader row) {
        auto const rate_id = row.uuid();
        auto& rates = out_.plan.rates;
        // Both are sorted by the rate's id, so one pass joins them.
        while (at_rate_ < rates.size() && rates[at_rate_].id < rate_id) {
            ++at_rate_;
        }
        if (at_rate_ < rates.size() && rates[at_rate_].id == rate_id) {
            rates[at_rate_].steps.push_back(plan_columns::read_step(row));
        }
    }

    void take_metric(row_reader row) {
        out_.plan.metrics.push_back(plan_columns::read_metric(row).value);
    }

    void take_tier(row_reader row) {
        auto const metric_id = row.uuid();
        // A plan has few metrics, so a search is enough.
        auto const found =
            std::ranges::find(out_.plan.metrics, metric_id, &rating::metric_price::id);
        if (found != out_.plan.metrics.end()) {
            found->tiers.push_back(plan_columns::read_tier(row));
        }
    }

    plan_transaction& transaction_;
    rating::stored_plan& out_;
    std::map<ingest::uuid, rating::band_index> band_indices_;
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
