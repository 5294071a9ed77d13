#pragma once

#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/lane/lane_writer.hpp"
#include "storage/suspense/suspense_schedule.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tally::daemon {

/// tried = stored + duplicate + sum of still_waiting
struct retry_counts {
    std::uint64_t tried = 0;
    std::uint64_t stored = 0;
    /// Nothing more to store: it is there already, somebody else settled it meanwhile, or its
    /// source leaves such records out by now.
    std::uint64_t duplicate = 0;
    std::map<std::string, std::uint64_t, std::less<>> still_waiting; ///< by reason, as it is now

    friend bool operator==(retry_counts const&, retry_counts const&) = default;
};

struct retry_options {
    std::string connection_string;
    std::string purpose; ///< seen in pg_stat_activity
    std::shared_ptr<rating::catalog const> catalog;
    std::shared_ptr<ingest::source_table const> sources;
    storage::partition_policy partitions;
    bool is_dry_run = false; ///< decode, guide and rate only
    /// Of a daemon's own attempts; nullopt: a person asked.
    std::optional<storage::automatic_attempts> automatic;
    std::function<bool()> stop;
    /// After each batch; the number of those that waited in the beginning.
    std::function<void(retry_counts const&, std::int64_t waiting)> on_progress;
    /// Of each batch that is stored.
    std::function<void(storage::batch const&)> on_stored;
};

/// Brings records that wait in suspense through the normal road again: decoded by their own format
/// and their source as it is now, guided, rated, stored. The transaction that stores a record
/// resolves its row, which must still wait: so a kill at any moment leaves either all or nothing of
/// it done, and of several that try one record at once one stores it.
///
/// A payload may hold several records, when a switch sent what nobody could take apart: its row is
/// resolved with the last of them. One thread, but for cancel().
class suspense_retry {
  public:
    explicit suspense_retry(retry_options how);
    ~suspense_retry();

    /// All that wait and that the filter means, a page at a time. Throws std::runtime_error when
    /// the database refuses; what was stored by then stays resolved.
    retry_counts run(storage::suspense_filter which);
    /// These ones. Throws likewise.
    void retry(std::vector<storage::suspense_record> const& records);
    /// What became of those tried since the last time this was asked.
    retry_counts take_counts() { return std::exchange(counts_, {}); }
    /// Any thread: cuts short what is under way.
    void cancel() noexcept;

  private:
    struct decoded;

    [[nodiscard]] bool is_stopping() const { return how_.stop && how_.stop(); }
    [[nodiscard]] bool pause(std::chrono::milliseconds time) const;
    void decode(storage::suspense_record const& record, decoded& into) const;
    void guide(storage::batch_entry const& as, decoded& into) const;
    void rate_only(std::vector<decoded>& records);
    void store(std::vector<decoded>& records);
    void count(std::vector<decoded> const& records);

    retry_options how_;
    storage::pq_connection reader_;
    storage::batch_writer writer_;
    std::unique_ptr<storage::lane_observer> observer_;
    storage::lane_writer lane_;
    storage::entry_batch rows_;
    retry_counts counts_;
};

} // namespace tally::daemon
