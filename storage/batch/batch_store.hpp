#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/metric_state.hpp"
#include "storage/postgres/result.hpp"

#include <cstdint>
#include <span>
#include <string>
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

/// What commit() reports besides its result.
struct commit_counts {
    static constexpr std::uint32_t no_row = UINT32_MAX;

    std::uint32_t suspended = 0; ///< suspense rows that are new, or that wait again
    /// After bad_data or duplicate: the index in batch.calls, or in batch.events, of the row that
    /// PostgreSQL refused, if its report names the row; otherwise no_row.
    std::uint32_t refused_call = no_row;
    std::uint32_t refused_event = no_row;
};

/// A day (UTC, since 1970) on which events of a kind occurred.
struct event_day {
    ingest::event_kind kind = ingest::event_kind::usage;
    std::int32_t day = 0;

    friend auto operator<=>(event_day const&, event_day const&) = default;
};

/// The database as a lane sees it: reads what a batch is rated on, and stores the batch. PostgreSQL
/// is behind it (batch_writer); the simulation puts a model in its place.
///
/// Failures are results, not exceptions (except std::bad_alloc). Used by one thread at a time,
/// except cancel().
class batch_store {
  public:
    batch_store() = default;
    batch_store(batch_store const&) = delete;
    batch_store& operator=(batch_store const&) = delete;
    virtual ~batch_store() = default;

    /// The number of the current session. A new number means that the connection was lost since,
    /// and that the server may be another one: what was read before may not hold there.
    [[nodiscard]] virtual std::uint64_t session() const noexcept = 0;

    /// States of the usage rows with these keys, in the order of `keys`; a row that does not exist
    /// has version 0.
    virtual result load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out) = 0;
    /// States of the metric rows with these keys, in the order of `keys`.
    virtual result load_metrics(std::span<metric_row const> keys,
                                std::vector<metric_state>& out) = 0;
    /// Those of `values` that are already counted. `out` views the metric names of `values`.
    virtual result counted_values(std::span<unique_value_row const> values,
                                  std::vector<unique_value_row>& out) = 0;

    /// Those of `ids` that are stored.
    virtual result stored_events(std::span<ingest::uuid const> ids,
                                 std::vector<stored_event>& out) = 0;
    /// Those of `keys` that are stored.
    virtual result stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out) = 0;
    /// The ids of those of these rows of ingest.suspense that wait, sorted.
    virtual result still_waiting(std::span<ingest::uuid const> ids,
                                 std::vector<ingest::uuid>& out) = 0;

    /// Begins the transaction of the next commit() and locks the rows that it will change; creates
    /// the rows that do not exist. What is read of them afterwards holds until that commit(). No
    /// transaction is open afterwards if both spans are empty, or on a failure.
    virtual result lock_rows(std::span<usage_delta const> usage,
                             std::span<metric_row const> metrics) = 0;
    /// Rolls back the transaction that lock_rows() or write_ahead() began.
    virtual void roll_back() noexcept = 0;

    /// Writes rows.calls into the transaction of the next commit(), and begins it if none is open.
    /// Of `rows` only the calls, `id`, `opened` and `session` matter. No row that
    /// exists is changed. The caller adds the calls to rows.written_ahead and removes them
    /// from rows.calls before the next request. After a failure no transaction is open, and all
    /// that was written ahead is gone.
    virtual result write_ahead(batch const& rows) = 0;
    /// Whether the partitions of billing.cdrs for these days are known to be there, so that
    /// ensure_cdr_days() needs no request.
    [[nodiscard]] virtual bool has_cdr_days(std::span<std::int32_t const> days) const noexcept = 0;

    /// Stores the batch in one transaction, which lock_rows() or write_ahead() may have begun.
    /// After a failure nothing is stored; only after `unknown` it may be: ask is_committed().
    virtual result commit(batch const& rows, commit_counts& counts) = 0;
    /// Whether a batch's transaction is in the database (after failure::unknown). Waits until the
    /// transaction has ended, so the answer is final (docs/ARCHITECTURE.md, R9); transient when
    /// that takes longer than the lock time-out.
    virtual expected<bool> is_committed(ingest::uuid const& batch_id) = 0;

    /// Creates the missing partitions of billing.cdrs for these days (UTC, days since 1970). Days
    /// outside the policy's bounds are returned in `refused`.
    virtual result ensure_cdr_days(std::span<std::int32_t const> days,
                                   std::vector<std::int32_t>& refused) = 0;
    /// The same for the partitions that hold events of these kinds and days.
    virtual result ensure_event_days(std::span<event_day const> days,
                                     std::vector<event_day>& refused) = 0;

    /// Any thread: aborts a running request and refuses all later ones as transient. There is no
    /// way back; it is meant for the end of the process.
    virtual void cancel() noexcept = 0;
};

} // namespace tally::storage
