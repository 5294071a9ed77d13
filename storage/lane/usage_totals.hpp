#pragma once

#include "ingest/base/hash.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/clock/calendar.hpp"
#include "storage/batch/batch.hpp"
#include "storage/batch/batch_store.hpp"
#include "storage/lane/recent_states.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

struct usage_key_hash {
    using is_avalanching = void;
    std::size_t operator()(usage_key const& k) const noexcept {
        return ingest::combined_hash(ingest::uuid_hash{}(k.subscription_id),
                                     static_cast<std::uint64_t>(k.period_start));
    }
};

/// The usage rows that a lane remembers: committed states only. The version check of the batch
/// transaction finds one that is stale (docs/ARCHITECTURE.md, R8).
using usage_cache = recent_states<usage_key, usage_state, usage_key_hash>;

/// What a batch adds to one billing period of a subscription.
struct period_of_usage {
    usage_key key;
    usage_state before; ///< the row that the batch is rated on
    rating::billing_period period;
    usage_delta delta;
    rating::allowance left;
    std::uint32_t daily = UINT32_MAX; ///< index in batch.daily: the day of its last call
};

/// What one record adds to its daily aggregate.
struct day_share {
    rating::int128 quantity_nanos = 0;
    rating::int128 billable_nanos = 0;
    rating::amount cost;
};

/// The sums of one batch over its calls and events, by billing period and by day. All are made from
/// the same rated amounts (docs/ARCHITECTURE.md, R10). Keeps its memory from batch to batch; one
/// thread.
class usage_totals {
  public:
    /// The number of the metric "calls"; the others are numbered in order of appearance.
    static constexpr std::uint32_t calls_metric = 0;

    usage_totals();

    /// Forgets the previous batch, but not the calendars and the names.
    void begin();
    /// The index of the billing period of a subscription that contains `time`.
    std::uint32_t index_of(rating::catalog const& catalog, rating::catalog_index subscription,
                           ingest::time_us time);
    [[nodiscard]] period_of_usage& at(std::uint32_t index) noexcept { return periods_[index]; }
    [[nodiscard]] std::span<period_of_usage const> periods() const noexcept { return periods_; }

    /// The number of a metric's name, and the name of a number. The name's text never moves.
    std::uint32_t metric_number(std::string_view name);
    [[nodiscard]] std::string_view metric_name(std::uint32_t number) const noexcept {
        return names_[number];
    }

    /// Begins the sums. Clears those of `out`.
    void start(batch& out);
    /// Begins the sums of the periods from number `first` on, from their states (`before`).
    void start_periods(std::size_t first);
    void add_day(std::uint32_t index, rating::civil_day day, std::uint32_t metric,
                 day_share const& share, batch& out);
    /// Writes the sums of the periods to out.usage and out.balances.
    void finish(batch& out);

    rating::calendar& calendar_of(rating::catalog const& catalog, rating::catalog_index plan);

  private:
    struct day_key {
        ingest::uuid subscription_id;
        rating::civil_day day = 0;
        std::uint32_t metric = 0;
        friend bool operator==(day_key const&, day_key const&) = default;
    };
    struct day_key_hash {
        using is_avalanching = void;
        std::size_t operator()(day_key const& k) const noexcept {
            auto const day = (static_cast<std::uint64_t>(k.metric) << 32) +
                             static_cast<std::uint64_t>(static_cast<std::uint32_t>(k.day));
            return ingest::combined_hash(ingest::uuid_hash{}(k.subscription_id), day);
        }
    };

    std::uint32_t day_row(period_of_usage const& period, rating::civil_day day,
                          std::uint32_t metric, batch& out);

    std::vector<period_of_usage> periods_;
    boost::unordered_flat_map<usage_key, std::uint32_t, usage_key_hash> period_indices_;
    boost::unordered_flat_map<day_key, std::uint32_t, day_key_hash> day_indices_;
    boost::unordered_flat_map<ingest::uuid, std::uint32_t, ingest::uuid_hash> balance_indices_;
    std::deque<std::string> names_;
    std::map<std::string_view, std::uint32_t> numbers_; ///< views into names_

    std::map<std::string, rating::calendar, std::less<>> calendars_; ///< by zone
    rating::catalog const* calendars_from_ = nullptr;
    std::vector<rating::calendar*> plan_calendars_; ///< by plan of calendars_from_
};

} // namespace tally::storage
