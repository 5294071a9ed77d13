#pragma once

#include "bench/e2e/database_link.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tally::bench {

/// The finished rows of billing.cdrs, prepared for two connections that only write them: in COPY's
/// binary format, in order of the key, half of the accounts for each connection, 50,000 rows per
/// batch.
struct finished_rows {
    static constexpr std::uint64_t rows_per_batch = 50'000;

    std::array<std::vector<std::string>, 2> batches; ///< by connection
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

/// Reads the rows from the database.
finished_rows take_finished_rows(database_link& link);

/// Writes the rows over two connections in parallel, with a transaction per batch. Returns the
/// seconds from the first byte to the last COMMIT.
double copy_rows(std::string const& connection_string, finished_rows const& rows);

} // namespace tally::bench
