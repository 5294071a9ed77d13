#pragma once

#include "ingest/base/assert.hpp"
#include "ingest/record/record_block.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/lane/guided_records.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace tally::daemon {

/// A block whose records are guided and assigned to lanes. Each lane gets a `slice` of it. The
/// block ends with its last slice, and reports then: it is durable if every slice with records was
/// finished. Each of its records ends with a slice that is finished or given up; a block that is
/// destroyed with another record asserts (docs/ARCHITECTURE.md, R3).
///
/// The indices of its records (storage::guided_records) are sorted by lane, in order of arrival
/// within each lane:
///
///     indices_         [ lane 0's indices | lane 1's | ... ]
///     first_of_lane_     ^ 0                ^ 1              the end of the last lane comes last
class routed_block {
  public:
    /// Guides every record by `catalog` and assigns it to a lane (docs/ARCHITECTURE.md, R7).
    /// `released` is called with the admitted bytes at the end. `generation`: see pipeline.
    routed_block(std::unique_ptr<ingest::record_block> block,
                 std::shared_ptr<rating::catalog const> catalog, std::uint32_t lanes,
                 std::function<void(std::size_t)> released, std::uint64_t generation = 0);
    ~routed_block();
    routed_block(routed_block const&) = delete;
    routed_block& operator=(routed_block const&) = delete;

    [[nodiscard]] ingest::record_block const& block() const noexcept { return *block_; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] storage::guided_records const& records() const noexcept { return records_; }
    [[nodiscard]] std::span<std::uint32_t const> indices_of(std::uint32_t lane) const noexcept {
        return std::span{indices_}.subspan(first_of_lane_[lane],
                                           first_of_lane_[lane + 1] - first_of_lane_[lane]);
    }

  private:
    friend class slice;
    void finish(ingest::block_outcome const& part, std::size_t records) noexcept;
    void give_up(std::size_t records) noexcept { records_given_up_.fetch_add(records); }
    void sort_by_lane(std::uint32_t lanes);

    std::unique_ptr<ingest::record_block> block_;
    std::shared_ptr<rating::catalog const> catalog_;
    storage::guided_records records_;
    std::function<void(std::size_t)> released_;
    std::uint64_t generation_;
    std::vector<std::uint32_t> indices_;
    std::vector<std::uint32_t> first_of_lane_; ///< lanes + 1 elements; the last one is the end
    std::atomic<std::size_t> records_left_;    ///< in slices that are not finished
    std::atomic<std::size_t> records_given_up_{0};
    std::atomic<std::uint32_t> committed_{0};
    std::atomic<std::uint32_t> duplicate_{0};
    std::atomic<std::uint32_t> suspended_{0};
};

/// One lane's part of a routed block. finish() says that its records are stored, give_up() that
/// they will not be stored in this run, which leaves the block not durable. One that is destroyed
/// with neither was forgotten, and asserts; an exception on its way gives it up.
class slice {
  public:
    slice() = default;
    slice(std::shared_ptr<routed_block> block, std::uint32_t lane) noexcept
        : block_{std::move(block)}, lane_{lane} {}
    slice(slice&&) noexcept = default;
    slice& operator=(slice&& other) noexcept {
        end();
        block_ = std::move(other.block_);
        lane_ = other.lane_;
        return *this;
    }
    slice(slice const&) = delete;
    slice& operator=(slice const&) = delete;
    ~slice() { end(); }

    [[nodiscard]] bool is_empty() const noexcept { return block_ == nullptr; }
    [[nodiscard]] routed_block const& block() const noexcept { return *block_; }
    [[nodiscard]] std::span<std::uint32_t const> indices() const noexcept {
        return block_->indices_of(lane_);
    }
    void finish(ingest::block_outcome const& part) noexcept {
        block_->finish(part, indices().size());
        block_.reset();
    }
    /// The process is stopping, or the records are read again. An empty slice has nothing to give
    /// up.
    void give_up() noexcept {
        if (!is_empty()) {
            block_->give_up(indices().size());
            block_.reset();
        }
    }

  private:
    void end() noexcept {
        if (std::uncaught_exceptions() > 0) {
            give_up();
        }
        TALLY_ASSERT(is_empty(), "a slice is forgotten: neither stored nor given up");
    }

    std::shared_ptr<routed_block> block_;
    std::uint32_t lane_ = 0;
};

} // namespace tally::daemon
