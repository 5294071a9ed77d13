#pragma once

#include "storage/batch/batch.hpp"
#include "storage/postgres/byte_buffer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tally::storage {

/// The order in which a batch's calls are written: by key, so that the index's pages are visited in
/// order and two batches lock in one order. Kept for its memory.
class cdr_order {
  public:
    /// Sorts places, not rows. At most 2^32 rows.
    void sort(std::span<cdr_row const> calls);
    [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
    /// The place in `calls` of the row that is written as number `i`.
    [[nodiscard]] std::uint32_t operator[](std::size_t i) const noexcept { return keys_[i].place; }

  private:
    // The account and the second decide nearly every comparison; side by side they keep sorting
    // within the cache. The call's own id is looked up for ties.
    struct key {
        std::uint64_t account_high;
        std::uint64_t account_low;
        std::int64_t start;
        std::uint32_t place;
    };
    std::vector<key> keys_;
};

/// Appends one row of billing.cdrs in COPY's binary format.
void put_cdr_row(byte_buffer& out, cdr_row const& row, batch const& of);

/// Asks for the memory of the rows that are written soon after number `i`; called before each row.
void prefetch_cdr_row(std::span<cdr_row const> calls, cdr_order const& order,
                      std::size_t i) noexcept;

/// What begins the COPY that takes those rows.
std::string_view cdr_copy_sql() noexcept;

/// Streams a batch's calls into billing.cdrs through an open transaction. One thread; keeps its
/// memory from batch to batch.
class cdr_copy {
  public:
    /// Writes all calls of `what`. When the server refuses one and says which, `refused` is its
    /// place in what.calls, else no_row.
    result write(pq_connection& to, batch const& what, std::uint32_t& refused);

    static constexpr std::uint32_t no_row = UINT32_MAX;

  private:
    result stream(pq_connection& to, batch const& what);

    cdr_order order_;
    byte_buffer buffer_;
};

} // namespace tally::storage
