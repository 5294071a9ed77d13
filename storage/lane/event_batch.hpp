#pragma once

#include "storage/lane/batch_entry.hpp"
#include "storage/lane/metric_cache.hpp"
#include "storage/lane/usage_totals.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// The usage events of one transaction. Metered ones are rated in order of arrival on what their
/// billing period has of the metric (docs/RATING.md, Metrics); the others are only brought along.
/// One that cannot be rated is suspended. Kept by a lane from batch to batch for its memory; one
/// thread.
///
///     begin -> missing() and values() are read from the database -> learn -> rate -> written
class event_batch {
  public:
    /// First pass: which periods and metrics the events move. Suspends what has no price. `cache`
    /// may be null: it knows nothing.
    void begin(std::span<batch_entry> entries, usage_book& book, metric_cache const* cache);
    /// Metric rows that the cache does not know; their names are the book's.
    [[nodiscard]] std::span<metric_row const> missing() const noexcept { return missing_; }
    /// Their states, in their order, which the cache learns as well unless it is null.
    void learn(std::span<metric_state const> states, metric_cache* cache);
    /// Values of metrics of aggregation unique, of which the database may know some.
    [[nodiscard]] std::span<unique_value_row const> values() const noexcept { return values_; }
    /// Those of them that are counted already.
    void learn_counted(std::span<unique_value_row const> counted);
    /// Second pass: fills out.events, out.metrics, out.unique_values and the book's sums.
    void rate(std::span<batch_entry> entries, usage_book& book, batch& out);
    /// Whether the events that were rated move every metric that the first pass found.
    [[nodiscard]] bool moves_all() const noexcept;
    /// After COMMIT: the cache learns what the rows are now.
    void written(metric_cache& cache) const;
    /// The rows have another version than the cache says.
    void forget(metric_cache& cache) const noexcept;

  private:
    /// A metered event's place in the sums, and its price.
    struct metered {
        std::uint32_t period = UINT32_MAX; ///< in the book
        std::uint32_t metric = UINT32_MAX; ///< in metrics_
        std::uint32_t value = UINT32_MAX;  ///< in values_; only of aggregation unique
        rating::metric_price const* price = nullptr;
    };
    struct metric_of_period {
        metric_key key;
        metric_state before;        ///< the row as the batch is rated on it
        rating::metric_usage usage; ///< with the events so far
        metric_row row;
    };

    void begin_one(batch_entry& entry, metered& at, usage_book& book);
    bool note_value(batch_entry& entry, metered& at, metric_row const& of);
    std::uint32_t metric_of(batch_entry const& entry, std::uint32_t period, usage_book& book);
    void rate_one(batch_entry& entry, metered const& at, usage_book& book, batch& out);
    void add_metered(batch_entry const& entry, metered const& at, rating::rated_usage const& rated,
                     usage_book& book, batch& out);
    static event_row row_of(batch_entry const& entry);

    std::vector<metered> metered_; ///< by entry
    std::vector<metric_of_period> metrics_;
    boost::unordered_flat_map<metric_key, std::uint32_t, metric_key_hash> metric_places_;
    std::vector<metric_row> missing_;
    std::vector<std::uint32_t> missing_places_; ///< of them, in metrics_
    struct value_hash {
        using is_avalanching = void;
        std::size_t operator()(unique_value_row const& v) const noexcept {
            return ingest::uuid_hash{}(v.value_id) ^
                   usage_key_hash {}({v.subscription_id, v.period_start});
        }
    };
    std::vector<unique_value_row> values_; ///< each once
    boost::unordered_flat_map<unique_value_row, std::uint32_t, value_hash> value_places_;
    std::vector<bool> is_counted_; ///< by place in values_: before this batch
    std::vector<bool> is_taken_;   ///< likewise, or by an event of it
};

} // namespace tally::storage
