#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/batch/payload_digest.hpp"
#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <span>
#include <vector>

namespace tally::storage {

/// Names of the write path's prepared statements; their text is in batch_statements.cpp.
namespace statement {
inline constexpr char const* begin = "tally_begin";
inline constexpr char const* commit = "tally_commit";
inline constexpr char const* claim = "tally_claim";           ///< lock that stands for a batch
inline constexpr char const* lock_usage = "tally_lock_usage"; ///< makes those that are missing
inline constexpr char const* usage = "tally_usage";           ///< gives the number written
inline constexpr char const* suspense = "tally_suspense";     ///< gives the number that waits now
inline constexpr char const* resolve = "tally_resolve";
inline constexpr char const* balances = "tally_balances"; ///< refuses unless all are there
inline constexpr char const* daily = "tally_daily";
inline constexpr char const* batch_row = "tally_batch_row";
inline constexpr char const* positions = "tally_positions";   ///< TL001 unless as expected
inline constexpr char const* load_usage = "tally_load_usage"; ///< ordinality, version, included
inline constexpr char const* load_positions = "tally_load_positions"; ///< lane, position
inline constexpr char const* still_waiting = "tally_still_waiting";
inline constexpr char const* is_committed = "tally_is_committed";

// Events (event_sql.cpp).
inline constexpr char const* identities = "tally_identities";     ///< gives the number that is new
inline constexpr char const* lock_metrics = "tally_lock_metrics"; ///< as lock_usage
inline constexpr char const* metrics = "tally_metrics";           ///< gives the number written
inline constexpr char const* unique_values = "tally_unique_values"; ///< touches the new ones
inline constexpr char const* features = "tally_features";
inline constexpr char const* api_days = "tally_api_days";
inline constexpr char const* error_groups = "tally_error_groups";
inline constexpr char const* load_metrics = "tally_load_metrics";     ///< ordinality, version, ...
inline constexpr char const* counted_values = "tally_counted_values"; ///< ordinality
inline constexpr char const* stored_events = "tally_stored_events";   ///< id, content
// Each gives place and verdict of the events that its function refuses.
inline constexpr char const* apply_audit = "tally_apply_audit";
inline constexpr char const* apply_license = "tally_apply_license";
inline constexpr char const* apply_click = "tally_apply_click";
inline constexpr char const* apply_conversion = "tally_apply_conversion";
inline constexpr char const* apply_session = "tally_apply_session";
inline constexpr char const* apply_room = "tally_apply_room";
} // namespace statement

std::span<prepared_statement const> batch_statements();

// Each of these turns a batch's rows into the arrays of its statement, in the order of the table's
// key: rows are locked in one order whoever writes them. All keep their memory.

class usage_rows {
  public:
    parameters& fill(std::span<usage_delta const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        period_start_{wire::timestamptz_oid}, period_end_{wire::timestamptz_oid},
        seconds_{wire::int8_oid}, included_{wire::int8_oid}, calls_{wire::int8_oid},
        overage_cost_{wire::numeric_oid}, total_cost_{wire::numeric_oid}, currency_{wire::text_oid},
        last_usage_{wire::timestamptz_oid}, expected_{wire::int8_oid}, sms_{wire::numeric_oid},
        data_mb_{wire::numeric_oid};
    parameters values_;
};

/// The rows that `usage_rows` will move.
class usage_locks {
  public:
    parameters& fill(std::span<usage_delta const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        period_start_{wire::timestamptz_oid}, period_end_{wire::timestamptz_oid},
        currency_{wire::text_oid};
    parameters values_;
};

class balance_rows {
  public:
    parameters& fill(std::span<balance_delta const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter account_{wire::uuid_oid}, charge_{wire::numeric_oid};
    parameters values_;
};

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

/// One statement's share of a batch's suspense: payloads may be large, so a batch may need several.
class suspense_rows {
  public:
    parameters& fill(std::span<suspense_row const> all, std::span<payload_key const> some,
                     batch const& of);

  private:
    array_parameter reason_{wire::text_oid}, detail_{wire::text_oid}, source_{wire::uuid_oid},
        format_{wire::text_oid}, payload_{wire::bytea_oid}, digest_{wire::bytea_oid},
        received_{wire::timestamptz_oid};
    parameters values_;
};

class resolved_rows {
  public:
    parameters& fill(std::span<ingest::uuid const> ids);

  private:
    array_parameter id_{wire::uuid_oid};
    parameters values_;
};

class position_rows {
  public:
    parameters& fill(std::span<position_move const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter stream_{wire::text_oid}, lane_{wire::int4_oid}, lanes_{wire::int4_oid},
        expected_{wire::int8_oid}, next_{wire::int8_oid};
    parameters values_;
};

class usage_keys {
  public:
    parameters& fill(std::span<usage_key const> keys);

  private:
    array_parameter subscription_{wire::uuid_oid}, period_start_{wire::timestamptz_oid};
    parameters values_;
};

/// The row of ingest.batches: what the batch holds and how much of it was new.
void fill_batch_row(parameters& values, batch const& what, std::uint32_t suspended);

/// Number of the advisory lock that stands for a batch while its transaction runs.
std::int64_t claim_of(ingest::uuid const& batch_id) noexcept;

} // namespace tally::storage
