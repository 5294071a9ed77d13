#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/event_tables.hpp"
#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// The prepared statements for events; batch_statements() includes them.
std::span<prepared_statement const> event_statements();

// As in batch_statements.hpp: each class turns rows of a batch into the arrays of one statement.

/// Arrays of statement::identities.
class identity_rows {
  public:
    parameters& fill(batch const& rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter id_{wire::uuid_oid}, content_{wire::int8_oid}, occurred_{wire::timestamptz_oid};
    parameters values_;
};

/// Arrays of statement::metrics.
class metric_rows {
  public:
    parameters& fill(std::span<metric_row const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        period_start_{wire::timestamptz_oid}, period_end_{wire::timestamptz_oid},
        metric_{wire::text_oid}, events_{wire::int8_oid}, total_{wire::numeric_oid},
        included_{wire::numeric_oid}, cost_{wire::numeric_oid}, currency_{wire::text_oid},
        last_usage_{wire::timestamptz_oid}, expected_{wire::int8_oid};
    parameters values_;
};

/// Arrays of statement::lock_metrics: the rows that `metric_rows` will change.
class metric_locks {
  public:
    parameters& fill(std::span<metric_row const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, account_{wire::uuid_oid},
        period_start_{wire::timestamptz_oid}, period_end_{wire::timestamptz_oid},
        metric_{wire::text_oid}, currency_{wire::text_oid};
    parameters values_;
};

/// Arrays of statement::load_metrics, in the order of `rows`.
class metric_keys {
  public:
    parameters& fill(std::span<metric_row const> rows);

  private:
    array_parameter subscription_{wire::uuid_oid}, period_start_{wire::timestamptz_oid},
        metric_{wire::text_oid};
    parameters values_;
};

/// Arrays of statement::unique_values and statement::counted_values.
class unique_value_rows {
  public:
    parameters& fill(std::span<unique_value_row const> rows);

  private:
    std::vector<std::uint32_t> order_;
    array_parameter subscription_{wire::uuid_oid}, period_start_{wire::timestamptz_oid},
        metric_{wire::text_oid}, value_{wire::uuid_oid};
    parameters values_;
};

/// Arrays of statement::features.
class feature_rows {
  public:
    parameters& fill(batch const& rows);
    [[nodiscard]] bool is_empty() const noexcept { return account_.count() == 0; }

  private:
    array_parameter account_{wire::uuid_oid}, user_{wire::uuid_oid}, feature_{wire::text_oid},
        organization_{wire::uuid_oid}, category_{wire::text_oid}, uses_{wire::int8_oid},
        occurred_{wire::timestamptz_oid}, properties_{wire::jsonb_oid};
    parameters values_;
};

/// Arrays of statement::api_days.
class api_day_rows {
  public:
    parameters& fill(batch const& rows);
    [[nodiscard]] bool is_empty() const noexcept { return account_.count() == 0; }

  private:
    array_parameter account_{wire::uuid_oid}, occurred_{wire::timestamptz_oid},
        endpoint_{wire::text_oid}, method_{wire::text_oid}, status_{wire::int4_oid},
        duration_{wire::int8_oid}, request_bytes_{wire::int8_oid}, response_bytes_{wire::int8_oid};
    parameters values_;
};

/// Arrays of statement::error_groups.
class error_group_rows {
  public:
    parameters& fill(batch const& rows);
    [[nodiscard]] bool is_empty() const noexcept { return account_.count() == 0; }

  private:
    array_parameter account_{wire::uuid_oid}, service_{wire::text_oid},
        fingerprint_{wire::text_oid}, severity_{wire::text_oid}, type_{wire::text_oid},
        message_{wire::text_oid}, release_{wire::text_oid}, occurred_{wire::timestamptz_oid};
    parameters values_;
};

/// The statements that count what the events of a batch tell: features, days of an API, groups of
/// errors.
class event_counters {
  public:
    /// Appends those that have rows. Their parameters are valid until the next call.
    void add(batch const& content, std::vector<pipelined>& statements);

  private:
    feature_rows features_;
    api_day_rows api_days_;
    error_group_rows error_groups_;
};

} // namespace tally::storage
