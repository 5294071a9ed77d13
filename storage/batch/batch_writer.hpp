#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/metric_state.hpp"
#include "storage/partitions/partition_policy.hpp"
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

/// What is stored of a call, as far as ingest::same_content compares it. Owns its text.
struct stored_call {
    call_key key;
    ingest::uuid subscription_id;
    std::string caller_id;
    std::string destination;
    std::string sent_caller_id; ///< empty: as caller_id
    std::string sent_destination;
    std::string hangup_cause;
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us answer = ingest::never_us;
    ingest::time_us end = 0;
    std::int64_t duration_s = 0;
    std::int64_t billsec_s = 0;

    /// As a cdr that views this object.
    [[nodiscard]] ingest::cdr as_cdr() const noexcept;
};

/// What is stored of an event's identity.
struct stored_event {
    ingest::uuid id;
    std::uint64_t content = 0;
};

/// Why an event cannot do what it says.
struct verdict {
    std::uint32_t event = 0; ///< place in batch.events
    ingest::record_error reason = ingest::record_error::none;
    std::string detail;
};

struct commit_counts {
    static constexpr std::uint32_t no_row = UINT32_MAX;

    std::uint32_t suspended = 0; ///< suspense rows that are new, or wait again
    /// After bad_data or duplicate: the place in batch.calls, or in batch.events, of the row that
    /// PostgreSQL refused, when it said which; else no_row.
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

/// The write path: one lane's connection. Everything a batch changes goes through commit().
/// Used by one thread at a time; reconnects by itself on the next call after a lost connection.
class batch_writer {
  public:
    /// `purpose` is seen in pg_stat_activity as the application name ("tallyd lane 0").
    batch_writer(std::string connection_string, std::string purpose, partition_policy policy = {});
    ~batch_writer();
    batch_writer(batch_writer const&) = delete;
    batch_writer& operator=(batch_writer const&) = delete;

    /// States of `keys`, in their order; rows that are not there have version 0.
    result load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out);

    /// States of the metric rows of these keys, in their order.
    result load_metrics(std::span<metric_row const> keys, std::vector<metric_state>& out);
    /// Those of `values` that are counted already; their metrics' names are those of `values`.
    result counted_values(std::span<unique_value_row const> values,
                          std::vector<unique_value_row>& out);

    /// Those of `ids` that are stored.
    result stored_events(std::span<ingest::uuid const> ids, std::vector<stored_event>& out);
    /// Those of `keys` that are stored.
    result stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out);
    /// The same, whatever account they are stored under: reads the whole days of the keys.
    result calls_of_anybody(std::span<call_key const> keys, std::vector<stored_call>& out);

    /// Those of these rows of ingest.suspense that wait, in order.
    result still_waiting(std::span<ingest::uuid const> ids, std::vector<ingest::uuid>& out);

    /// Position of a stream's lanes, by lane; -1 where there is none. Positions of a stream that
    /// was read with another number of lanes are none.
    result load_positions(std::string_view stream, std::int32_t lanes,
                          std::vector<std::int64_t>& out);

    /// Begins the transaction of the next commit() with locks on the rows that it will move, made
    /// where they are missing: what is read of them from here on is so until then. Nothing is begun
    /// when there are none, or on a failure.
    result lock_rows(std::span<usage_delta const> usage, std::span<metric_row const> metrics);
    /// Gives up what lock_rows() began.
    void roll_back() noexcept;

    /// Stores the batch in one transaction, which lock_rows() may have begun. On any failure
    /// nothing is stored, but for `unknown`.
    result commit(batch const& what, commit_counts& counts);

    /// Whether a batch's transaction is in the database (after failure::unknown). Waits for the
    /// transaction's end when it still runs, so the answer is final (docs/ARCHITECTURE.md, R9);
    /// transient when it takes long. False for a batch without records, which has no row: a move
    /// that is repeated is position_lost.
    result is_committed(ingest::uuid const& batch_id, bool& out);

    /// Makes sure that a partition of billing.cdrs holds every one of these days (UTC, days since
    /// 1970). Days outside the policy's bounds are given back in `refused`.
    result ensure_cdr_days(std::span<std::int32_t const> days, std::vector<std::int32_t>& refused);

    /// Likewise for the partitions that hold events of these kinds and days.
    result ensure_event_days(std::span<event_day const> days, std::vector<event_day>& refused);

    /// Cuts a running request short from another thread, and refuses all later ones as transient
    /// (stopping for good).
    void cancel() noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::storage
