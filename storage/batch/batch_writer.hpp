#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/metric_state.hpp"
#include "storage/partitions/policy.hpp"
#include "storage/postgres/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

struct usage_key {
    ingest::uuid subscription_id;
    ingest::time_us period_start = 0;

    friend auto operator<=>(usage_key const&, usage_key const&) = default;
};

/// What rating needs of a usage row.
struct usage_state {
    std::int64_t version = 0; ///< 0: no row
    std::int64_t included_seconds_used = 0;
};

/// The stored columns of a call that ingest::same_content compares. Owns its text.
struct stored_call {
    call_key key;
    ingest::uuid subscription_id;
    std::string caller_id;
    std::string destination;
    std::string sent_caller_id; ///< empty: same as caller_id
    std::string sent_destination;
    std::string hangup_cause;
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us answer = ingest::never_us;
    ingest::time_us end = 0;
    std::int64_t duration_s = 0;
    std::int64_t billsec_s = 0;

    /// A cdr that views this object's text; do not use it after the object is gone.
    [[nodiscard]] ingest::cdr as_cdr() const noexcept;
};

/// One row of ingest.event_identities.
struct stored_event {
    ingest::uuid id;
    std::uint64_t content = 0; ///< hash of the event's content
};

/// Why the database refused what an event asks for (an apply_* function's answer).
struct verdict {
    std::uint32_t event = 0; ///< index in batch.events
    ingest::record_error reason = ingest::record_error::none;
    std::string detail;
};

/// What commit() reports besides its result.
struct commit_counts {
    static constexpr std::uint32_t no_row = UINT32_MAX;

    std::uint32_t suspended = 0; ///< suspense rows that are new, or that wait again
    /// After bad_data or duplicate: the index in batch.calls, or in batch.events, of the row that
    /// PostgreSQL refused, if its report names the row; otherwise no_row.
    std::uint32_t refused_call = no_row;
    std::uint32_t refused_event = no_row;
    std::vector<verdict> verdicts; ///< after failure::refused
};

/// A day (UTC, since 1970) on which events of a kind occurred.
struct event_day {
    ingest::event_kind kind = ingest::event_kind::usage;
    std::int32_t day = 0;

    friend auto operator<=>(event_day const&, event_day const&) = default;
};

/// The write path: one lane's connection. Everything that a batch changes goes through commit().
///
///     batch_writer writer{connection_string, "tallyd lane 0"};
///     commit_counts counts;
///     result status = writer.commit(rows, counts);       // rows: a batch with a new uuid_v7
///     if (status.why == failure::unknown) {              // the answer to COMMIT was lost
///         bool is_stored = false;
///         status = writer.is_committed(rows.id, is_stored);
///     }
///
/// Failures are results, not exceptions (except std::bad_alloc). Used by one thread at a time,
/// except cancel(). After a lost connection the next call connects again.
class batch_writer {
  public:
    /// `purpose` is the application name in pg_stat_activity ("tallyd lane 0"). Does not connect.
    batch_writer(std::string connection_string, std::string purpose, partition_policy policy = {});
    ~batch_writer();
    batch_writer(batch_writer const&) = delete;
    batch_writer& operator=(batch_writer const&) = delete;

    /// States of the usage rows with these keys, in the order of `keys`; a row that does not exist
    /// has version 0.
    result load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out);

    /// States of the metric rows with these keys, in the order of `keys`.
    result load_metrics(std::span<metric_row const> keys, std::vector<metric_state>& out);
    /// Those of `values` that are already counted. `out` views the metric names of `values`.
    result counted_values(std::span<unique_value_row const> values,
                          std::vector<unique_value_row>& out);

    /// Those of `ids` that are stored.
    result stored_events(std::span<ingest::uuid const> ids, std::vector<stored_event>& out);
    /// Those of `keys` that are stored.
    result stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out);
    /// The same by start and id, under every account: reads the whole days of the keys.
    result calls_of_anybody(std::span<call_key const> keys, std::vector<stored_call>& out);

    /// The ids of those of these rows of ingest.suspense that wait, sorted.
    result still_waiting(std::span<ingest::uuid const> ids, std::vector<ingest::uuid>& out);

    /// Positions of a stream by lane; -1 for a lane without a row. Rows that were written with
    /// another number of lanes do not count.
    result load_positions(std::string_view stream, std::int32_t lanes,
                          std::vector<std::int64_t>& out);

    /// Begins the transaction of the next commit() and locks the rows that it will change; creates
    /// the rows that do not exist. What is read of them afterwards holds until that commit(). No
    /// transaction is open afterwards if both spans are empty, or on a failure.
    result lock_rows(std::span<usage_delta const> usage, std::span<metric_row const> metrics);
    /// Rolls back the transaction that lock_rows() began.
    void roll_back() noexcept;

    /// Stores the batch in one transaction, which lock_rows() may have begun. After a failure
    /// nothing is stored; only after `unknown` it may be: ask is_committed().
    result commit(batch const& rows, commit_counts& counts);

    /// Whether a batch's transaction is in the database (after failure::unknown). Waits until the
    /// transaction has ended, so the answer is final (docs/ARCHITECTURE.md, R9); transient when
    /// that takes longer than the lock time-out. False for a batch without records, which has no
    /// row: its positions are moved again, and position_lost tells if they had been moved.
    result is_committed(ingest::uuid const& batch_id, bool& out);

    /// Creates the missing partitions of billing.cdrs for these days (UTC, days since 1970). Days
    /// outside the policy's bounds are returned in `refused`.
    result ensure_cdr_days(std::span<std::int32_t const> days, std::vector<std::int32_t>& refused);

    /// The same for the partitions that hold events of these kinds and days.
    result ensure_event_days(std::span<event_day const> days, std::vector<event_day>& refused);

    /// Any thread: aborts a running request and refuses all later ones as transient. There is no
    /// way back; it is meant for the end of the process.
    void cancel() noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::storage
