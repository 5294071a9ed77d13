#pragma once

#include "ingest/base/hash.hpp"
#include "storage/batch/batch.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/lane/call_batch.hpp"
#include "storage/rerate/stored_rating.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <vector>

namespace tally::storage {

/// Changes to stored calls, and the differences that they make to usage, balances and daily
/// aggregates. Keeps its memory from batch to batch; one thread.
class adjustment_batch {
  public:
    /// `version`: of the period's usage row that the change was computed on.
    void add(call_change change, std::int64_t version);
    void clear() noexcept;

    [[nodiscard]] std::vector<call_change> const& changes() const noexcept { return changes_; }
    /// One per period, per account, per day. Only the fields that change are set.
    [[nodiscard]] std::vector<usage_delta> const& usage() const noexcept { return usage_; }
    [[nodiscard]] std::vector<balance_delta> const& balances() const noexcept { return balances_; }
    [[nodiscard]] std::vector<daily_delta> const& daily() const noexcept { return daily_; }

  private:
    struct day_key {
        ingest::uuid subscription_id;
        rating::civil_day day = 0;
        friend bool operator==(day_key const&, day_key const&) = default;
    };
    struct day_key_hash {
        std::size_t operator()(day_key const& k) const noexcept {
            return ingest::combined_hash(ingest::uuid_hash{}(k.subscription_id),
                                         static_cast<std::uint64_t>(k.day));
        }
    };

    usage_delta& usage_of(call_change const& change, std::int64_t version);
    balance_delta& balance_of(call_change const& change);
    daily_delta& daily_of(call_change const& change);

    std::vector<call_change> changes_;
    std::vector<usage_delta> usage_;
    std::vector<balance_delta> balances_;
    std::vector<daily_delta> daily_;
    boost::unordered_flat_map<usage_key, std::size_t, usage_key_hash> usage_indices_;
    boost::unordered_flat_map<ingest::uuid, std::size_t, ingest::uuid_hash> balance_indices_;
    boost::unordered_flat_map<day_key, std::size_t, day_key_hash> daily_indices_;
};

/// The part of a cost that counts as overage: all of it, unless the allowance covered the call.
rating::amount overage_of(stored_rating const& rated) noexcept;

} // namespace tally::storage
