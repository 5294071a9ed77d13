#pragma once

#include "storage/postgres/pq_connection.hpp"
#include "storage/rerate/reader.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tally::storage {

/// The outcomes of the calls of a run so far; seen = changed + unchanged + frozen + unrated.
struct rerate_counts {
    std::int64_t periods = 0;
    std::int64_t seen = 0;
    std::int64_t changed = 0;
    std::int64_t unchanged = 0;
    std::int64_t frozen = 0;     ///< void, disputed, billed: left alone
    std::int64_t unrated = 0;    ///< no longer have a rate: left as they are
    rating::amount_sum old_cost; ///< of the changed calls
    rating::amount_sum new_cost;

    rerate_counts& operator+=(rerate_counts const& more) noexcept;
    friend bool operator==(rerate_counts const&, rerate_counts const&) = default;
};

/// A row of billing.rerate_runs.
struct rerate_run {
    ingest::uuid id;
    rerate_position position;
    rerate_counts counts;
    std::int32_t runs = 1; ///< how often it was begun
};

/// Begins a run, or continues the interrupted run of this selection. `restart` abandons an
/// interrupted run: a new one begins from the first period. Throws database_error.
rerate_run begin_rerate(pq_connection& connection, std::string_view selection,
                        std::string_view author, std::string_view reason, bool restart);

/// Moves the run's position and counts, within the caller's transaction; bad_data if the run is not
/// running.
result advance_rerate(pq_connection& connection, rerate_run const& run);

/// Throws database_error.
void finish_rerate(pq_connection& connection, ingest::uuid const& id);

} // namespace tally::storage
