#pragma once

#include "storage/batch/batch.hpp"
#include "storage/postgres/byte_buffer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tally::storage {

/// The order in which a batch's calls are written: by key, so that the pages of the index are
/// visited in order and two batches lock in one order. Keeps its memory from batch to batch.
class cdr_order {
  public:
    /// Sorts indices, not rows. At most 2^32 rows.
    void sort(std::span<cdr_row const> calls);
    [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
    /// The index in `calls` of the row that is written as number `i`.
    [[nodiscard]] std::uint32_t operator[](std::size_t i) const noexcept { return keys_[i].index; }

  private:
    // Account and start decide nearly every comparison. Here they are side by side, so that
    // sorting stays within the CPU's cache; the call's id is read through the row for ties only.
    struct key {
        std::uint64_t account_high;
        std::uint64_t account_low;
        std::int64_t start;
        std::uint32_t index;
    };
    std::vector<key> keys_;
};

/// Appends one row of billing.cdrs in the binary format of COPY.
void put_cdr_row(byte_buffer& out, cdr_row const& row, batch const& rows);

/// Prefetches the rows that are written soon after number `i`; call it before each row.
void prefetch_cdr_row(std::span<cdr_row const> calls, cdr_order const& order,
                      std::size_t i) noexcept;

/// The COPY statement that takes these rows.
std::string_view cdr_copy_sql() noexcept;

/// Writes a batch's calls into billing.cdrs, within an open transaction. One thread; keeps its
/// memory from batch to batch.
class cdr_copy {
  public:
    /// Writes all calls of the batch. If the server refuses one and its report names the row,
    /// `refused` is the index in rows.calls, otherwise no_row.
    result write(pq_connection& connection, batch const& rows, std::uint32_t& refused);

    static constexpr std::uint32_t no_row = UINT32_MAX;

  private:
    result stream(pq_connection& connection, batch const& rows);

    cdr_order order_;
    byte_buffer buffer_;
};

} // namespace tally::storage
