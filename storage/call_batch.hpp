#pragma once

#include "ingest/record_batch.hpp"
#include "ingest/source.hpp"
#include "rating/calendar.hpp"
#include "rating/catalog.hpp"
#include "rating/guide.hpp"
#include "storage/batch.hpp"
#include "storage/batch_writer.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

enum class entry_state : std::uint8_t {
    live,      ///< to be stored as a call
    duplicate, ///< stored already, by this batch or an earlier one
    suspended, ///< to be stored in ingest.suspense, for `reason`
};

/// One record on its way into a batch. What it points to belongs to the block it came with.
struct batch_entry {
    ingest::cdr const* call = nullptr; ///< nullptr: a record that no decoder could read
    rating::catalog const* catalog = nullptr;
    ingest::source const* from = nullptr;
    std::string_view format;
    std::string_view raw;
    std::string_view detail;
    rating::guided who;
    entry_state state = entry_state::live;
    ingest::record_error reason = ingest::record_error::none;
    std::uint32_t owner = 0;  ///< place of its block in the batch, for counting
    ingest::uuid suspense_id; ///< of its row there, when it is tried again; nil: it is not

    void suspend(ingest::record_error why, std::string_view what = {}) noexcept {
        state = entry_state::suspended;
        reason = why;
        detail = what;
    }
    [[nodiscard]] call_key key() const noexcept {
        auto const& s = catalog->subscription_at(who.subscription);
        return {catalog->account_at(s.account).id, ingest::whole_second(call->start), call->id};
    }
};

struct usage_key_hash {
    using is_avalanching = void;
    std::size_t operator()(usage_key const& k) const noexcept {
        return ingest::uuid_hash{}(k.subscription_id) ^
               (static_cast<std::size_t>(k.period_start) * 0x9e3779b97f4a7c15ULL);
    }
};

/// What a lane remembers of usage rows between batches, so that it need not read them again. Only
/// committed states; the version check of the batch transaction finds a stale one.
class usage_cache {
  public:
    [[nodiscard]] usage_state const* find(usage_key const& key) const noexcept;
    void put(usage_key const& key, usage_state const& state);
    void forget(usage_key const& key) noexcept { states_.erase(key); }

  private:
    /// About 64 bytes each: room for a million subscriptions in two periods in 130 MB at worst.
    static constexpr std::size_t states_max = 2'000'000;
    boost::unordered_flat_map<usage_key, usage_state, usage_key_hash> states_;
};

/// Turns entries into the rows of one transaction: finds each call's billing period, rates the
/// calls in order of arrival on their allowances, and adds up usage, balances and daily aggregates.
/// Entries that cannot be rated are suspended. Kept by a lane from batch to batch for its memory;
/// one thread.
///
///     begin(entries) -> missing() are read from the database -> learn() -> rate() -> written()
class call_batch {
  public:
    /// First pass: which usage rows the entries move.
    void begin(std::span<batch_entry> entries, usage_cache const& cache);
    /// Usage rows that the cache does not know.
    [[nodiscard]] std::span<usage_key const> missing() const noexcept { return missing_; }
    void learn(std::span<usage_state const> states, usage_cache& cache);
    /// Second pass: fills `out` (cleared first, but for its identity and positions).
    void rate(usage_cache const& cache, batch& out);
    /// After COMMIT: the cache learns what the usage rows are now.
    void written(batch const& stored, usage_cache& cache) const;

  private:
    struct period_of_usage {
        usage_key key;
        rating::billing_period period;
        usage_delta delta;
        rating::allowance left;
        std::uint32_t daily = UINT32_MAX; ///< the row of its last call's day
    };
    struct daily_key {
        ingest::uuid subscription_id;
        rating::civil_day day = 0;
        friend bool operator==(daily_key const&, daily_key const&) = default;
    };
    struct daily_key_hash {
        using is_avalanching = void;
        std::size_t operator()(daily_key const& k) const noexcept {
            return ingest::uuid_hash{}(k.subscription_id) ^
                   (static_cast<std::size_t>(k.day) * 0x9e3779b97f4a7c15ULL);
        }
    };

    std::uint32_t usage_of(batch_entry const& entry);
    rating::calendar& calendar_of(rating::catalog const& from, rating::catalog_index plan);
    void rate_one(batch_entry& entry, period_of_usage& usage, batch& out);
    void add_daily(batch_entry const& entry, rating::rated_call const& rated,
                   period_of_usage& usage, rating::civil_day day, batch& out);
    void add_suspended(batch& out) const;
    void add_balances(batch& out);

    std::span<batch_entry> entries_;
    std::vector<std::uint32_t> usage_index_; ///< by entry; UINT32_MAX: none
    std::vector<period_of_usage> usage_;
    std::vector<usage_key> missing_;
    boost::unordered_flat_map<usage_key, std::uint32_t, usage_key_hash> usage_places_;
    boost::unordered_flat_map<daily_key, std::uint32_t, daily_key_hash> daily_places_;
    boost::unordered_flat_map<ingest::uuid, std::uint32_t, ingest::uuid_hash> balance_places_;

    std::map<std::string, rating::calendar, std::less<>> calendars_; ///< by zone
    rating::catalog const* calendars_from_ = nullptr;
    std::vector<rating::calendar*> plan_calendars_; ///< by plan of calendars_from_
};

} // namespace tally::storage
