#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/partitions/policy.hpp"

#include <memory>
#include <string>

namespace tally::storage {

/// The write path: one lane's connection. Everything that a batch changes goes through commit().
///
///     batch_writer writer{connection_string, "tallyd lane 0"};
///     commit_counts counts;
///     result status = writer.commit(rows, counts);       // rows: a batch with a new uuid_v7
///     if (status.reason == failure::unknown) {           // the answer to COMMIT was lost
///         expected<bool> const is_stored = writer.is_committed(rows.id);
///     }
///
/// After a lost connection the next call connects again.
class batch_writer final : public batch_store {
  public:
    /// `purpose` is the application name in pg_stat_activity ("tallyd lane 0"). Does not connect.
    batch_writer(std::string connection_string, std::string purpose, partition_policy policy = {});
    ~batch_writer() override;

    [[nodiscard]] std::uint64_t session() const noexcept override;
    result load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out) override;
    result load_metrics(std::span<metric_row const> keys, std::vector<metric_state>& out) override;
    result counted_values(std::span<unique_value_row const> values,
                          std::vector<unique_value_row>& out) override;
    result stored_events(std::span<ingest::uuid const> ids,
                         std::vector<stored_event>& out) override;
    result stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out) override;
    result still_waiting(std::span<ingest::uuid const> ids,
                         std::vector<ingest::uuid>& out) override;
    result lock_rows(std::span<usage_delta const> usage,
                     std::span<metric_row const> metrics) override;
    void roll_back() noexcept override;
    result write_ahead(batch const& rows) override;
    [[nodiscard]] bool has_cdr_days(std::span<std::int32_t const> days) const noexcept override;
    result commit(batch const& rows, commit_counts& counts) override;
    expected<bool> is_committed(ingest::uuid const& batch_id) override;
    result ensure_cdr_days(std::span<std::int32_t const> days,
                           std::vector<std::int32_t>& refused) override;
    result ensure_event_days(std::span<event_day const> days,
                             std::vector<event_day>& refused) override;
    void cancel() noexcept override;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::storage
