#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/batch/payload_digest.hpp"
#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <memory>
#include <span>
#include <vector>

namespace tally::storage {

/// Names of the write path's prepared statements; their text is in batch_sql.cpp.
namespace statement {
inline constexpr char const* begin = "tally_begin";
inline constexpr char const* commit = "tally_commit";
inline constexpr char const* claim = "tally_claim";             ///< the batch's advisory lock
inline constexpr char const* keep_plans = "tally_keep_plans";   ///< around statements that insert
inline constexpr char const* renew_plans = "tally_renew_plans"; ///< rows with foreign keys
inline constexpr char const* lock_usage = "tally_lock_usage";   ///< row: number of rows locked
inline constexpr char const* create_usage = "tally_create_usage";
inline constexpr char const* usage = "tally_usage";         ///< changes rows that exist
inline constexpr char const* new_usage = "tally_usage_new"; ///< inserts rows that do not
inline constexpr char const* suspense = "tally_suspense";   ///< row: number that now wait
inline constexpr char const* resolve = "tally_resolve";
inline constexpr char const* balances = "tally_balances"; ///< fails unless all accounts exist
inline constexpr char const* daily = "tally_daily";
inline constexpr char const* batch_row = "tally_batch_row";
inline constexpr char const* load_usage = "tally_load_usage"; ///< ordinality, version, included
inline constexpr char const* still_waiting = "tally_still_waiting";
inline constexpr char const* is_committed = "tally_is_committed";

// Events (event_sql.cpp).
inline constexpr char const* identities = "tally_identities";       ///< row: number that is new
inline constexpr char const* lock_metrics = "tally_lock_metrics";   ///< creates missing rows
inline constexpr char const* metrics = "tally_metrics";             ///< row: number of rows written
inline constexpr char const* unique_values = "tally_unique_values"; ///< inserts the new ones
inline constexpr char const* features = "tally_features";
inline constexpr char const* api_days = "tally_api_days";
inline constexpr char const* error_groups = "tally_error_groups";
inline constexpr char const* load_metrics = "tally_load_metrics";     ///< ordinality, version, ...
inline constexpr char const* counted_values = "tally_counted_values"; ///< ordinality
inline constexpr char const* stored_events = "tally_stored_events";   ///< id, content
} // namespace statement

std::span<prepared_statement const> batch_statements();

// Each class turns rows of a batch into the arrays of one statement, in the order of the table's
// key, so that all sessions lock rows in one order (docs/ARCHITECTURE.md, R13). All keep their
// memory from batch to batch. One thread.

/// Arrays of statement::usage or of statement::new_usage.
class usage_rows {
  public:
    /// Of those of `rows` that expect a row in the table, or of those that do not.
    enum class part : std::uint8_t { existing, missing };

    explicit usage_rows(part wanted) noexcept : part_{wanted} {}
    parameters& fill(std::span<usage_delta const> rows);
    /// The number of rows that the statement must write.
    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

  private:
    part part_;
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        period_start_{wire::timestamptz_oid}, period_end_{wire::timestamptz_oid},
        seconds_{wire::int8_oid}, included_{wire::int8_oid}, calls_{wire::int8_oid},
        overage_cost_{wire::numeric_oid}, total_cost_{wire::numeric_oid}, currency_{wire::text_oid},
        last_usage_{wire::timestamptz_oid}, expected_{wire::int8_oid}, sms_{wire::numeric_oid},
        data_mb_{wire::numeric_oid};
    parameters values_;
};

/// Arrays of statement::lock_usage and of statement::create_usage: the rows that `usage_rows` will
/// change.
class usage_locks {
  public:
    void fill(std::span<usage_delta const> rows);
    [[nodiscard]] parameters& keys() noexcept { return keys_; }
    [[nodiscard]] parameters& rows() noexcept { return rows_; }

  private:
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        period_start_{wire::timestamptz_oid}, period_end_{wire::timestamptz_oid},
        currency_{wire::text_oid};
    parameters keys_;
    parameters rows_;
};

/// Arrays of statement::balances.
class balance_rows {
  public:
    parameters& fill(std::span<balance_delta const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter account_{wire::uuid_oid}, charge_{wire::numeric_oid};
    parameters values_;
};

/// Arrays of statement::daily.
class daily_rows {
  public:
    parameters& fill(std::span<daily_delta const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter account_{wire::uuid_oid}, subscription_{wire::uuid_oid}, day_{wire::date_oid},
        metric_{wire::text_oid}, events_{wire::int8_oid}, quantity_{wire::numeric_oid},
        billable_{wire::numeric_oid}, cost_{wire::numeric_oid}, currency_{wire::text_oid};
    parameters values_;
};

/// Arrays of one statement::suspense. Payloads may be large, so a batch may need several
/// statements.
class suspense_rows {
  public:
    parameters& fill(std::span<suspense_row const> all, std::span<payload_key const> some,
                     batch const& rows);

  private:
    array_parameter reason_{wire::text_oid}, detail_{wire::text_oid}, source_{wire::uuid_oid},
        format_{wire::text_oid}, payload_{wire::bytea_oid}, digest_{wire::bytea_oid},
        received_{wire::timestamptz_oid};
    parameters values_;
};

/// The statements that write the suspense rows of a batch.
class suspense_statements {
  public:
    /// Appends them. Their parameters are valid until the next call.
    void add(batch const& rows, std::vector<pipelined>& statements);

  private:
    payload_digest digests_;
    std::vector<payload_key> payloads_;
    std::vector<std::unique_ptr<suspense_rows>> arrays_; ///< one per statement
};

/// The array of statement::resolve and of statement::still_waiting.
class resolved_rows {
  public:
    parameters& fill(std::span<ingest::uuid const> ids);

  private:
    array_parameter id_{wire::uuid_oid};
    parameters values_;
};

/// Arrays of statement::load_usage, in the order of `keys`.
class usage_keys {
  public:
    parameters& fill(std::span<usage_key const> keys);

  private:
    array_parameter subscription_{wire::uuid_oid}, period_start_{wire::timestamptz_oid};
    parameters values_;
};

/// The batch's row of ingest.batches. `suspended`: how many of its suspense rows are new, or wait
/// again.
void fill_batch_row(parameters& values, batch const& rows, std::uint32_t suspended);

/// Number of the advisory lock that a batch's transaction holds (docs/ARCHITECTURE.md, R9).
std::int64_t claim_of(ingest::uuid const& batch_id) noexcept;

} // namespace tally::storage
