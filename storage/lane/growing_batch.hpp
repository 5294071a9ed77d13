#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/duplicate_filter.hpp"
#include "storage/lane/entry_batch.hpp"
#include "storage/lane/partition_guard.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tally::storage {

/// Writes the calls of a batch ahead of its commit, piece by piece, while the batch still grows:
/// the server copies one piece while the lane collects the next, and the counters are written once
/// for all pieces (storage/README.md, S15).
///
///     takes(entries) ─→ take(entries, ...) ─→ ... ─→ finish() ─→ commit ─→ ended()
///                              └ failed: rolled back, the lane stores the entries the usual way
///
/// A piece changes no row that exists, so an open batch keeps no other session waiting, except one
/// that stores the same calls or changes the partition itself. One thread.
class growing_batch {
  public:
    /// All must outlive this object.
    growing_batch(batch_store& database, entry_batch& rows, partition_guard& partitions,
                  duplicate_filter& duplicates) noexcept
        : database_{database}, rows_{rows}, partitions_{partitions}, duplicates_{duplicates} {}

    /// The number of entries that are written.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Whether take() may write these entries, of which the first size() are written already.
    [[nodiscard]] bool takes(std::span<batch_entry const> entries);
    /// Drops those of the new entries that are stored (repeats are dropped before: drop_repeats()),
    /// rates the others, and writes their calls. `session`: the one of the remembered rows; 0:
    /// none. After a failure the batch is rolled back and empty.
    result take(std::span<batch_entry> entries, std::uint64_t session, batch& out);
    /// Completes `out` for the commit; the batch is empty afterwards.
    void finish(std::span<batch_entry> entries, batch& out);
    /// Rolls back what was written.
    void roll_back(batch& out) noexcept;

    /// How the commit ended. After failures in a row takes() refuses more and more batches: where
    /// another session changes the same rows, each attempt would fail.
    void ended(bool is_stored) noexcept;
    /// To be called for each batch that is stored the usual way.
    void skipped() noexcept { batches_to_skip_ -= batches_to_skip_ > 0 ? 1 : 0; }

  private:
    result write(std::span<batch_entry> entries, std::uint64_t session, batch& out);

    batch_store& database_;
    entry_batch& rows_;
    partition_guard& partitions_;
    duplicate_filter& duplicates_;
    std::size_t size_ = 0;
    std::uint32_t failures_ = 0; ///< in a row
    std::uint32_t batches_to_skip_ = 0;
};

} // namespace tally::storage
