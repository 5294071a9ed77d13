#pragma once

#include "storage/batch.hpp"
#include "storage/partition_policy.hpp"
#include "storage/result.hpp"

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

struct commit_counts {
    static constexpr std::uint32_t no_call = UINT32_MAX;

    std::uint32_t suspended = 0; ///< suspense rows that were new
    /// After bad_data or duplicate: the place in batch.calls of the row that PostgreSQL refused,
    /// when it said which; else no_call.
    std::uint32_t refused_call = no_call;
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

    /// Those of `keys` that are stored.
    result stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out);

    /// Position of a stream's lanes, by lane; -1 where there is none. Positions of a stream that
    /// was read with another number of lanes are none.
    result load_positions(std::string_view stream, std::int32_t lanes,
                          std::vector<std::int64_t>& out);

    /// Stores the batch in one transaction. On any failure nothing is stored, but for `unknown`.
    result commit(batch const& what, commit_counts& counts);

    /// Whether a batch's transaction is in the database (after failure::unknown). Waits for the
    /// transaction's end when it still runs, so the answer is final; transient when it takes long.
    result is_committed(ingest::uuid const& batch_id, bool& out);

    /// Makes sure that a partition of billing.cdrs holds every one of these days (UTC, days since
    /// 1970). Days outside the policy's bounds are given back in `refused`.
    result ensure_cdr_days(std::span<std::int32_t const> days, std::vector<std::int32_t>& refused);

    /// Cuts a running request short from another thread, and refuses all later ones as transient
    /// (stopping for good).
    void cancel() noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::storage
