#pragma once

#include "ingest/record/record_block.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/catalog/event_guide.hpp"
#include "rating/catalog/guide.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace tally::daemon {

/// A block whose records are guided and assigned to lanes. Each lane gets a `slice` of it; the last
/// slice to finish reports the outcome and frees the block.
///
/// A record has an index, which counts through batch.cdrs, then batch.events, then the kept ones of
/// batch.rejected. The indices are sorted by lane, in order of arrival within each lane:
///
///     places_          [ lane 0's indices | lane 1's | ... ]
///     first_of_lane_     ^ 0                ^ 1              the end of the last lane comes last
class routed_block {
  public:
    /// Guides every record by `catalog` and assigns it to a lane: by account, so that all charges
    /// of an account go through one lane (docs/ARCHITECTURE.md, R7); an event without an account by
    /// the entity that it changes (a license, a room); any other record by its own bytes, so that a
    /// repeated one meets the first. `released` is called with the admitted bytes at the end.
    routed_block(std::unique_ptr<ingest::record_block> block,
                 std::shared_ptr<rating::catalog const> catalog, std::uint32_t lanes,
                 std::function<void(std::size_t)> released);

    [[nodiscard]] ingest::record_block const& block() const noexcept { return *block_; }
    [[nodiscard]] rating::catalog const& catalog() const noexcept { return *catalog_; }
    [[nodiscard]] rating::guided const& guided_at(std::uint32_t index) const noexcept {
        return guided_[index];
    }
    /// By index in batch.events.
    [[nodiscard]] rating::guided_event const& guided_event_at(std::uint32_t index) const noexcept {
        return guided_events_[index];
    }
    /// A rejected record that goes into suspense; `place` counts these records alone, from 0.
    [[nodiscard]] ingest::rejected_record const& kept_at(std::uint32_t index) const noexcept {
        return *kept_[index];
    }
    [[nodiscard]] std::span<std::uint32_t const> indices_of(std::uint32_t lane) const noexcept {
        return std::span{places_}.subspan(first_of_lane_[lane],
                                          first_of_lane_[lane + 1] - first_of_lane_[lane]);
    }

  private:
    friend class slice;
    void leave(ingest::block_outcome const& part) noexcept;
    std::vector<std::uint32_t> assign_lanes(std::uint32_t lanes);
    void sort_by_lane(std::vector<std::uint32_t> const& lane_of_place, std::uint32_t lanes);

    std::unique_ptr<ingest::record_block> block_;
    std::shared_ptr<rating::catalog const> catalog_;
    std::function<void(std::size_t)> released_;
    std::vector<rating::guided> guided_; ///< by index in batch.cdrs
    std::vector<rating::guided_event> guided_events_;
    std::vector<ingest::rejected_record const*> kept_;
    std::vector<std::uint32_t> places_;
    std::vector<std::uint32_t> first_of_lane_; ///< lanes + 1 elements; the last one is the end
    std::atomic<std::uint32_t> slices_left_;
    std::atomic<std::uint32_t> committed_{0};
    std::atomic<std::uint32_t> duplicate_{0};
    std::atomic<std::uint32_t> suspended_{0};
    std::atomic<bool> durable_{true};
};

/// One lane's part of a routed block. finish() reports its outcome; a slice that is destroyed
/// without it counts as not durable.
class slice {
  public:
    slice() = default;
    slice(routed_block* block, std::uint32_t lane) noexcept : block_{block}, lane_{lane} {}
    slice(slice&& other) noexcept
        : block_{std::exchange(other.block_, nullptr)}, lane_{other.lane_} {}
    slice& operator=(slice&& other) noexcept {
        if (this != &other) {
            finish({});
            block_ = std::exchange(other.block_, nullptr);
            lane_ = other.lane_;
        }
        return *this;
    }
    slice(slice const&) = delete;
    slice& operator=(slice const&) = delete;
    ~slice() { finish({}); }

    [[nodiscard]] routed_block const& of() const noexcept { return *block_; }
    [[nodiscard]] std::span<std::uint32_t const> places() const noexcept {
        return block_->indices_of(lane_);
    }
    void finish(ingest::block_outcome const& part) noexcept {
        if (block_ != nullptr) {
            std::exchange(block_, nullptr)->leave(part);
        }
    }

  private:
    routed_block* block_ = nullptr;
    std::uint32_t lane_ = 0;
};

} // namespace tally::daemon
