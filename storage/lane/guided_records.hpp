#pragma once

#include "ingest/record/record_block.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/lane/batch_entry.hpp"

#include <cstdint>
#include <vector>

namespace tally::storage {

/// The records of a block with their payers: calls, then events, then the rejected records that go
/// into suspense, in this order and counted from 0. The one way from a decoded block to the entries
/// of a batch: for pushes, files, dry runs and retries.
class guided_records {
  public:
    /// Applies the number rules of the block's source and finds the payer of each call and event:
    /// the one that was decided when the call was taken (record_block::decided), else the one of
    /// `catalog`. Both arguments must outlive this object and its entries.
    guided_records(ingest::record_block& block, rating::catalog const& catalog);

    [[nodiscard]] std::uint32_t size() const noexcept {
        return static_cast<std::uint32_t>(calls_.size() + events_.size() + kept_.size());
    }
    /// The entry of one record. `owner` is the caller's number for the block.
    [[nodiscard]] batch_entry entry(std::uint32_t index, std::uint32_t owner = 0) const noexcept;
    /// Equal for records that must go through one lane (docs/ARCHITECTURE.md, R7): those of one
    /// account; events without an account by the entity that they change (a license, a room); any
    /// other record by its own bytes, so that a repeated one meets the first.
    [[nodiscard]] std::size_t lane_hash(std::uint32_t index) const noexcept;

  private:
    struct guided_call {
        rating::guided payer;
        ingest::uuid account_id;
    };

    [[nodiscard]] std::size_t lane_hash_of_event(std::uint32_t index) const noexcept;

    ingest::record_block const& block_;
    rating::catalog const& catalog_;
    std::vector<guided_call> calls_;
    std::vector<rating::guided_event> events_;
    std::vector<ingest::rejected_record const*> kept_;
};

} // namespace tally::storage
