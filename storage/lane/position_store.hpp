#pragma once

#include "ingest/base/uuid.hpp"
#include "storage/postgres/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// A move of a stream's position.
struct position_move {
    std::string_view stream;
    std::uint64_t committed = 0; ///< what the database is known to have
    std::uint64_t next = 0;      ///< all records below are stored; equal to `committed`: check only
    /// The last batch of each lane: what `next` rests on. They must be in the database.
    std::span<ingest::uuid const> batches;
};

/// The outcome of a move. It is done if `found == next`.
struct position_found {
    std::uint64_t found = 0;        ///< the position in the database afterwards
    std::uint32_t batches_lost = 0; ///< batches of the move that are not in the database
    [[nodiscard]] bool has_lost(std::uint64_t committed) const noexcept {
        return batches_lost > 0 || found < committed;
    }
};

/// Where a stream that has ended is stored to.
struct stream_end {
    std::string_view stream;
    std::uint64_t position = 0;
};

/// The payers that were decided for the records [first_record, end_record) of a stream
/// (ingest::payers::encode).
struct decided_range {
    std::uint64_t first_record = 0;
    std::uint64_t end_record = 0;
    std::string payers;
};

/// A commit of a chain: it is made only where the one before is.
struct chain_link {
    ingest::uuid id;
    ingest::uuid previous; ///< nil: the first one
};

/// ingest.positions: how far a stream (a journal, a file) is stored. One row per stream; only the
/// stream's position keeper writes it. Failures are results. One thread.
class position_store {
  public:
    position_store() = default;
    position_store(position_store const&) = delete;
    position_store& operator=(position_store const&) = delete;
    virtual ~position_store() = default;

    /// The position of a stream; 0 if it has no row.
    virtual expected<std::uint64_t> load(std::string_view stream) = 0;
    /// Moves the position from `committed` to `next`, unless a batch is missing or the position is
    /// another one: then it stays, and `out` says what is there. Either means that the database has
    /// gone back to an older state, or (a higher position) that an operator settled a gap.
    virtual result move(position_move const& wanted, position_found& out) = 0;
    /// Whether the position of each of these streams is there, or a higher one. If not, the
    /// database has gone back.
    virtual expected<bool> has_ends(std::span<stream_end const> ends) = 0;
    /// Removes a stream that has ended, with its decisions.
    virtual result forget(std::string_view stream) = 0;

    /// Stores decisions before any record of them is stored, with the row `link.id` in
    /// ingest.batches, which batches that rest on them require. A longer range replaces a shorter
    /// one that begins at the same record. `lost` if `link.previous` is not there.
    virtual result keep_decisions(std::string_view stream, std::span<decided_range const> decided,
                                  chain_link const& link) = 0;
    /// Decisions at and after `position`, sorted.
    virtual result load_decisions(std::string_view stream, std::uint64_t position,
                                  std::vector<decided_range>& out) = 0;
};

} // namespace tally::storage
