#pragma once

#include "storage/lane/batch_entry.hpp"
#include "storage/lane/metric_cache.hpp"
#include "storage/lane/usage_totals.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// The events of one transaction. Metered events are rated in order of arrival, on what their
/// billing period has of the metric so far (docs/RATING.md, Metrics); the others become rows as
/// they are. An event that cannot be rated is suspended. A lane keeps one object from batch to
/// batch for its memory; one thread.
///
///     begin -> the caller reads missing() and values() -> learn, learn_counted -> rate -> written
class event_batch {
  public:
    /// First pass: finds the periods and metrics that the events change. Suspends events without a
    /// price. `cache` may be null: then every metric row is missing.
    void begin(std::span<batch_entry> entries, usage_totals& totals, metric_cache const* cache);
    /// Metric rows that the cache does not have. They view names of the totals.
    [[nodiscard]] std::span<metric_row const> missing() const noexcept { return missing_; }
    /// The states of missing(), in its order; `cache` remembers them too, unless it is null.
    void learn(std::span<metric_state const> states, metric_cache* cache);
    /// Values of metrics with aggregation `unique`; the database may have counted some already.
    [[nodiscard]] std::span<unique_value_row const> values() const noexcept { return values_; }
    /// Those of values() that are counted already.
    void learn_counted(std::span<unique_value_row const> counted);
    /// Second pass: fills out.events, out.metrics, out.unique_values and the sums of `totals`.
    void rate(std::span<batch_entry> entries, usage_totals& totals, batch& out);
    /// Whether the rated events change every metric that the first pass found.
    [[nodiscard]] bool moves_all() const noexcept;
    /// To be called after COMMIT: `cache` remembers the rows as the batch left them.
    void written(metric_cache& cache) const;
    /// To be called after `stale`: `cache` forgets the rows of this batch.
    void forget(metric_cache& cache) const noexcept;

  private:
    /// Where a metered event is summed up, and its price.
    struct metered {
        std::uint32_t period = UINT32_MAX; ///< index in the totals
        std::uint32_t metric = UINT32_MAX; ///< index in metrics_
        std::uint32_t value = UINT32_MAX;  ///< index in values_; only for aggregation `unique`
        rating::metric_price const* price = nullptr;
    };
    struct metric_of_period {
        metric_key key;
        metric_state before;        ///< the row that the batch is rated on
        rating::metric_usage usage; ///< before, with the events of the batch so far
        metric_row row;
    };

    void begin_one(batch_entry& entry, metered& usage, usage_totals& totals);
    bool note_value(batch_entry& entry, metered& usage, metric_row const& row);
    std::uint32_t metric_of(batch_entry const& entry, std::uint32_t period, usage_totals& totals);
    void rate_one(batch_entry& entry, metered const& usage, usage_totals& totals, batch& out);
    void add_metered(batch_entry const& entry, metered const& usage,
                     rating::rated_usage const& rated, usage_totals& totals, batch& out);
    static event_row row_of(batch_entry const& entry);

    std::vector<metered> metered_; ///< by entry
    std::vector<metric_of_period> metrics_;
    boost::unordered_flat_map<metric_key, std::uint32_t, metric_key_hash> metric_indices_;
    std::vector<metric_row> missing_;
    std::vector<std::uint32_t> missing_indices_; ///< their indices in metrics_
    struct value_hash {
        using is_avalanching = void;
        std::size_t operator()(unique_value_row const& v) const noexcept {
            return ingest::uuid_hash{}(v.value_id) ^
                   usage_key_hash {}({v.subscription_id, v.period_start});
        }
    };
    std::vector<unique_value_row> values_; ///< each once
    boost::unordered_flat_map<unique_value_row, std::uint32_t, value_hash> value_indices_;
    std::vector<bool> is_counted_; ///< by index in values_: counted before this batch
    std::vector<bool> is_taken_;   ///< by index in values_: counted before, or by this batch
};

} // namespace tally::storage
