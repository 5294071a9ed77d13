#pragma once

#include "ingest/base/time.hpp"
#include "ingest/base/uuid.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

struct pg_result;

namespace tally::storage {

struct pq_clear {
    void operator()(pg_result* r) const noexcept;
};
/// The rows of a request, in the format that the request asked for.
using pq_rows = std::unique_ptr<pg_result, pq_clear>;

int row_count(pq_rows const& rows) noexcept;
/// Number of rows that a statement without RETURNING changed.
std::int64_t affected(pq_rows const& rows) noexcept;

// Fields of a row in binary format. The caller knows the column's type. NULL, and a field of
// another size, read as the default: 0, `none`, the nil uuid, empty bytes.
bool is_null(pq_rows const& rows, int row, int column) noexcept;
std::string_view bytes_at(pq_rows const& rows, int row, int column) noexcept;
bool bool_at(pq_rows const& rows, int row, int column) noexcept;
std::int32_t int32_at(pq_rows const& rows, int row, int column) noexcept;
std::int64_t int64_at(pq_rows const& rows, int row, int column, std::int64_t none = 0) noexcept;
ingest::time_us time_at(pq_rows const& rows, int row, int column, ingest::time_us none) noexcept;
ingest::uuid uuid_at(pq_rows const& rows, int row, int column) noexcept;

} // namespace tally::storage
