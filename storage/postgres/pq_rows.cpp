#include "storage/postgres/pq_rows.hpp"

#include "storage/postgres/wire_format.hpp"

#include <libpq-fe.h>

#include <charconv>
#include <cstring>

namespace tally::storage {

namespace {

/// Whether a field is not NULL and has the size of the type that the caller reads.
bool has(pq_rows const& rows, int row, int column, int bytes) noexcept {
    // A value of a shorter type would be read beyond its end.
    return PQgetisnull(rows.get(), row, column) == 0 &&
           PQgetlength(rows.get(), row, column) == bytes;
}

} // namespace

void pq_clear::operator()(pg_result* r) const noexcept {
    PQclear(r);
}

int row_count(pq_rows const& rows) noexcept {
    return PQntuples(rows.get());
}

bool is_null(pq_rows const& rows, int row, int column) noexcept {
    return PQgetisnull(rows.get(), row, column) != 0;
}

std::string_view bytes_at(pq_rows const& rows, int row, int column) noexcept {
    // For NULL libpq returns an empty value, so NULL and '' are the same here; is_null() tells them
    // apart.
    return {PQgetvalue(rows.get(), row, column),
            static_cast<std::size_t>(PQgetlength(rows.get(), row, column))};
}

bool bool_at(pq_rows const& rows, int row, int column) noexcept {
    return has(rows, row, column, 1) && *PQgetvalue(rows.get(), row, column) != 0;
}

std::int32_t int32_at(pq_rows const& rows, int row, int column) noexcept {
    return has(rows, row, column, 4) ? wire::get_int32(PQgetvalue(rows.get(), row, column)) : 0;
}

std::int64_t int64_at(pq_rows const& rows, int row, int column, std::int64_t none) noexcept {
    return has(rows, row, column, 8) ? wire::get_int64(PQgetvalue(rows.get(), row, column)) : none;
}

ingest::time_us time_at(pq_rows const& rows, int row, int column, ingest::time_us none) noexcept {
    return has(rows, row, column, 8)
               ? wire::from_timestamp(wire::get_int64(PQgetvalue(rows.get(), row, column)))
               : none;
}

ingest::uuid uuid_at(pq_rows const& rows, int row, int column) noexcept {
    ingest::uuid id;
    if (has(rows, row, column, 16)) {
        std::memcpy(id.bytes.data(), PQgetvalue(rows.get(), row, column), 16);
    }
    return id;
}

std::int64_t affected(pq_rows const& rows) noexcept {
    // Empty for a statement that changes no rows.
    std::string_view const text = PQcmdTuples(rows.get());
    std::int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

} // namespace tally::storage
