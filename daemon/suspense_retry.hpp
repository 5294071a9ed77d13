#pragma once

#include "ingest/source.hpp"
#include "rating/catalog.hpp"
#include "storage/lane_writer.hpp"
#include "storage/suspense_retry.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

/// tried = stored + duplicate + sum of still_waiting
struct retry_counts {
    std::uint64_t tried = 0;
    std::uint64_t stored = 0;
    std::uint64_t duplicate = 0;                                 ///< the call was there already
    std::map<ingest::record_error, std::uint64_t> still_waiting; ///< by reason, as it is now

    friend bool operator==(retry_counts const&, retry_counts const&) = default;
};

struct retry_options {
    std::string connection_string;
    std::shared_ptr<rating::catalog const> catalog;
    std::shared_ptr<ingest::source_table const> sources;
    storage::partition_policy partitions;
    bool is_dry_run = false; ///< guide and rate only
    std::function<bool()> stop;
    /// After each batch; the number of those that waited in the beginning.
    std::function<void(retry_counts const&, std::int64_t waiting)> on_progress;
};

/// Brings records that wait in suspense because of guiding or rating through the normal road again:
/// decoded by their own format and source, guided, rated, stored. The transaction that stores a
/// call resolves its row, so that a kill at any moment leaves either all or nothing of it done.
/// One thread.
class suspense_retry {
  public:
    explicit suspense_retry(retry_options how);
    ~suspense_retry();

    /// Throws std::runtime_error when the database refuses; what was stored by then stays resolved.
    retry_counts run();

  private:
    struct decoded;

    void retry(std::vector<storage::waiting_record> const& records);
    void decode(storage::waiting_record const& record, decoded& into) const;
    void rate_only(std::vector<storage::batch_entry>& entries);
    void store(std::vector<storage::batch_entry>& entries);
    void count(std::vector<storage::batch_entry> const& entries);

    retry_options how_;
    storage::pq_connection reader_;
    storage::batch_writer writer_;
    std::unique_ptr<storage::lane_observer> observer_;
    storage::lane_writer lane_;
    storage::entry_batch rows_;
    retry_counts counts_;
};

} // namespace tally::daemon
