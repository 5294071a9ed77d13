#include "daemon/pipeline/routed_block.hpp"

#include "ingest/base/reversal.hpp"

#include <utility>

namespace tally::daemon {

routed_block::routed_block(std::unique_ptr<ingest::record_block> block,
                           std::shared_ptr<rating::catalog const> catalog, std::uint32_t lanes,
                           std::function<void(std::size_t)> released, std::uint64_t generation)
    : block_{std::move(block)}, catalog_{std::move(catalog)}, records_{*block_, *catalog_},
      released_{std::move(released)}, generation_{generation},
      first_of_lane_(lanes + 1, 0), records_left_{records_.size()} {
    sort_by_lane(lanes);
}

// The block goes back last, so that the credit bounds the memory that is really in use.
routed_block::~routed_block() {
    TALLY_ASSERT(records_left_ == records_given_up_ || std::uncaught_exceptions() > 0,
                 "records of a block are forgotten: in no slice that ended");
    if (block_->on_done) {
        bool const is_durable = records_left_ == 0 || is_reversed(reversal::count_unfinished);
        block_->on_done({is_durable, committed_, duplicate_, suspended_});
    }
    auto const bytes = block_->admitted_bytes;
    block_.reset();
    released_(bytes);
}

/// A counting sort keeps the order of arrival within each lane (R7).
///
///     records 0 1 2 3 4 of lanes 1 0 1 1 0  →  first_of_lane_ 0 2 5, indices_ 1 4 | 0 2 3
void routed_block::sort_by_lane(std::uint32_t lanes) {
    // The lowest bits are dropped: hash tables use them, and the lanes should not depend on them.
    std::vector<std::uint32_t> lane_of(records_.size());
    for (std::uint32_t index = 0; index < records_.size(); ++index) {
        lane_of[index] = static_cast<std::uint32_t>((records_.lane_hash(index) >> 7) % lanes);
        ++first_of_lane_[lane_of[index] + 1];
    }
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
        first_of_lane_[lane + 1] += first_of_lane_[lane];
    }

    // The counts have become each lane's first index; every record goes to the next free one.
    indices_.resize(lane_of.size());
    auto next = first_of_lane_;
    for (std::uint32_t index = 0; index < lane_of.size(); ++index) {
        indices_[next[lane_of[index]]++] = index;
    }
}

// Counts first: a thread that sees that no record is left sees all counts.
void routed_block::finish(ingest::block_outcome const& part, std::size_t records) noexcept {
    committed_.fetch_add(part.committed, std::memory_order_relaxed);
    duplicate_.fetch_add(part.duplicate, std::memory_order_relaxed);
    suspended_.fetch_add(part.suspended, std::memory_order_relaxed);
    records_left_.fetch_sub(records, std::memory_order_acq_rel);
}

} // namespace tally::daemon
