#pragma once

#include "rating/number/prefix_index.hpp"
#include "rating/tariff/tariff.hpp"
#include "storage/catalog/load_warnings.hpp"
#include "storage/postgres/copy_reader.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// A plan as stored; `content` has everything except its fallback.
struct plan_row {
    rating::tariff::content content;
    std::optional<ingest::uuid> fallback_id;
};

/// Reads plans with their bands, rates and metric prices: one COPY per table for all plans. Rows of
/// a table that belong to rows of another (steps to rates, tiers to metrics) come in the order of
/// the latter, so that one pass over both joins them. A rate or metric whose numbers are out of
/// range is left out with a warning.
class tariff_rows {
  public:
    tariff_rows(pq_connection& connection, load_warnings& warnings)
        : connection_(connection), warnings_(warnings) {}

    result read();
    /// The plans, sorted by code. The caller may move them away.
    [[nodiscard]] std::vector<plan_row>& plans() noexcept { return plans_; }

  private:
    struct rate_row {
        rating::rate value;
        std::size_t plan = 0;
        bool is_usable = true; ///< its amounts are in range
    };
    struct metric_row {
        std::size_t plan = 0;
        rating::metric_price value;
        bool is_usable = true;
    };
    struct band_row {
        std::size_t plan = 0;
        rating::band_index index = rating::any_band;
    };
    struct destination_row {
        std::string prefix;
        std::string name;
        std::string call_type;
    };

    result read_table(std::string const& sql, void (tariff_rows::*take)(copy_fields));
    result read_parts_of_plans();
    void take_plan(copy_fields row);
    void take_band(copy_fields row);
    void take_holiday(copy_fields row);
    void take_destination(copy_fields row);
    void take_rate(copy_fields row);
    void take_step(copy_fields row);
    void take_metric(copy_fields row);
    void take_tier(copy_fields row);
    void index_destinations();
    void complete(rating::rate& rate) const;
    void give_rates_to_plans();
    void give_metrics_to_plans();
    [[nodiscard]] std::string name_of(std::size_t plan) const;

    pq_connection& connection_;
    load_warnings& warnings_;
    std::vector<plan_row> plans_;
    std::map<ingest::uuid, std::size_t> plan_indices_;
    std::map<ingest::uuid, band_row> bands_;
    std::vector<destination_row> destinations_;
    rating::prefix_index destination_index_;
    std::vector<rate_row> rates_;
    std::size_t at_rate_ = 0; ///< index of the rate that the next step may belong to
    std::vector<metric_row> metrics_;
    std::size_t at_metric_ = 0;
};

} // namespace tally::storage
