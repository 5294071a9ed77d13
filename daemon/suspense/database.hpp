#pragma once

#include "daemon/suspense/retrier.hpp"
#include "ingest/base/uuid.hpp"
#include "storage/suspense/schedule.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

/// The database as the suspense watch sees it. A request that fails throws std::runtime_error; the
/// next one connects again. One thread, except cancel().
class suspense_database {
  public:
    suspense_database() = default;
    suspense_database(suspense_database const&) = delete;
    suspense_database& operator=(suspense_database const&) = delete;
    virtual ~suspense_database() = default;

    /// All reasons for which records wait.
    virtual std::vector<storage::waiting_reason> waiting() = 0;
    /// Whether this daemon is the one that retries, of all that use the database. Tries to become
    /// it.
    virtual bool is_leader() = 0;
    /// At most `ids_max` records that are due.
    virtual std::vector<ingest::uuid> due(storage::automatic_attempts const& attempts,
                                          std::int32_t ids_max) = 0;
    /// Retries those of these records that wait. Of `options` its implementation sets the
    /// connection and the partitions.
    virtual retry_counts retry(std::vector<ingest::uuid> ids, retry_options const& options) = 0;
    /// Closes the connections of retry(): no retry follows soon, or the last one failed.
    virtual void end_retries() noexcept = 0;

    /// Any thread: ends a request and makes all later ones fail. What is not stored waits as
    /// before.
    virtual void cancel() noexcept = 0;
    [[nodiscard]] virtual bool is_cancelled() const noexcept = 0;
};

/// PostgreSQL, with one connection for the questions and others for retries.
std::unique_ptr<suspense_database>
suspense_database_at(std::string const& connection_string,
                     storage::partition_policy const& partitions);

} // namespace tally::daemon
