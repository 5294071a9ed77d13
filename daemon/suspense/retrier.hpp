#pragma once

#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/effects/effect_queue.hpp"
#include "storage/lane/isolation.hpp"
#include "storage/lane/lane_writer.hpp"
#include "storage/suspense/schedule.hpp"

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
    /// Nothing to store: the record is already stored, another process resolved it meanwhile, or
    /// its source is now set to skip such records.
    std::uint64_t duplicate = 0;
    std::map<std::string, std::uint64_t, std::less<>> still_waiting; ///< by their present reason

    friend bool operator==(retry_counts const&, retry_counts const&) = default;
};

struct retry_options {
    std::string connection_string;
    std::string purpose; ///< application_name in pg_stat_activity
    std::shared_ptr<rating::catalog const> catalog;
    std::shared_ptr<ingest::source_table const> sources;
    storage::partition_policy partitions;
    bool is_dry_run = false; ///< decode, guide and rate only
    /// Set for the automatic attempts of a daemon; nullopt: an operator asked for the retry.
    std::optional<storage::automatic_attempts> automatic;
    std::function<bool()> stop;
    /// Called after each page. `waiting`: the number of records that waited at the start.
    std::function<void(retry_counts const&, std::int64_t waiting)> on_progress;
    /// Called for each batch that is stored.
    std::function<void(storage::batch const&)> on_stored;
};

/// Takes suspended records through the pipeline again: decodes them by their format and by their
/// source as it is now, guides, rates and stores them. The transaction that stores a record also
/// resolves its row, which must still be waiting. A kill at any moment therefore leaves both or
/// neither done, and when several processes retry one record, one of them stores it
/// (docs/ARCHITECTURE.md, R16).
///
/// A payload may contain several records, when the body that a switch sent could not be split: its
/// row is resolved with the last of them. One thread, except for cancel().
class suspense_retry {
  public:
    explicit suspense_retry(retry_options options);
    ~suspense_retry();

    /// Retries all waiting records that the filter selects, a page at a time. Throws
    /// storage::command_error when a statement fails; records that are stored by then stay
    /// resolved.
    retry_counts run(storage::suspense_filter filter);
    /// Retries these records. Throws as run() does.
    void retry(std::vector<storage::suspense_record> const& records);
    /// Returns the outcomes since the last call, and resets them.
    retry_counts take_counts() { return std::exchange(counts_, {}); }
    /// Cancels the statements under way. Any thread.
    void cancel() noexcept;

  private:
    struct decoded;

    [[nodiscard]] bool is_stopping() const { return options_.stop && options_.stop(); }
    [[nodiscard]] bool pause(std::chrono::milliseconds time) const;
    void decode(storage::suspense_record const& record, decoded& out) const;
    void guide(decoded& out) const;
    void rate_only(std::vector<decoded>& records);
    void store(std::vector<decoded>& records);
    void store_parts(std::span<storage::batch_entry> entries);
    void apply_effects(std::vector<decoded>& records);
    void count(std::vector<decoded> const& records);

    retry_options options_;
    storage::pq_connection reader_; ///< with the limits that effects need
    storage::batch_writer writer_;
    std::unique_ptr<storage::lane_observer> observer_;
    storage::lane_writer lane_;
    storage::entry_batch rows_;
    storage::failure_budget budget_; ///< of all pages
    retry_counts counts_;
};

} // namespace tally::daemon
