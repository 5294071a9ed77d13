#pragma once

#include "storage/postgres/byte_buffer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <concepts>
#include <cstdint>
#include <string_view>

namespace tally::storage {

/// Bytes that are given to libpq at once: enough rows that the cost of a system call does not
/// matter, few enough bytes to stay in the CPU's cache.
inline constexpr std::size_t copy_chunk_bytes = 256 * 1024;

/// Sends `rows` rows through a COPY that has begun, and ends it. `put(i)` appends row i to
/// `buffer`, which is sent and cleared whenever it holds a chunk.
template <std::invocable<std::size_t> Put>
result stream_rows(pq_connection& connection, byte_buffer& buffer, std::size_t rows, Put&& put) {
    buffer.clear();
    buffer.written_to(wire::put_bytes(buffer.room(copy_chunk_bytes), copy_header));

    // In chunks: rows of a large batch would need hundreds of megabytes at once.
    for (std::size_t i = 0; i < rows; ++i) {
        put(i);
        if (buffer.size() >= copy_chunk_bytes) {
            if (result status = connection.copy_chunk(buffer.view()); !status.ok()) {
                return status;
            }
            buffer.clear();
        }
    }

    buffer.written_to(wire::put_bytes(buffer.room(copy_trailer.size()), copy_trailer));
    if (result outcome = connection.copy_chunk(buffer.view()); !outcome.ok()) {
        return outcome;
    }
    return connection.end_copy_in();
}

/// The row number in the context of a COPY error ("COPY cdrs, line 3, column ..."), from 1; 0 if
/// the report has none. `table` may be qualified with its schema.
std::uint64_t copy_line(std::string_view report, std::string_view table) noexcept;

} // namespace tally::storage
