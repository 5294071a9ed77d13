#pragma once

#include "storage/batch/batch.hpp"
#include "storage/postgres/copy_encoder.hpp"
#include "storage/rerate/stored_rating.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace tally::storage {

// These classes turn changes into the arrays of adjustment_writer's statements.

/// Usage rows, in the order of the table's key, which is the order of locks (docs/ARCHITECTURE.md,
/// R13).
class adjusted_usage_rows {
  public:
    parameters& fill(std::span<usage_delta const> rows);

  private:
    array_parameter subscription_{wire::uuid_oid}, period_start_{wire::timestamptz_oid},
        seconds_{wire::int8_oid}, included_{wire::int8_oid}, overage_cost_{wire::numeric_oid},
        total_cost_{wire::numeric_oid}, expected_{wire::int8_oid};
    parameters values_;
};

/// Calls as they were read and as they will be.
class adjusted_call_rows {
  public:
    parameters& fill(std::span<std::uint32_t const> indices, std::span<call_change const> changes);

  private:
    array_parameter account_{wire::uuid_oid}, start_{wire::timestamptz_oid}, id_{wire::uuid_oid},
        billed_{wire::int4_oid}, drawn_{wire::int4_oid}, prefix_{wire::text_oid},
        rate_{wire::uuid_oid}, per_minute_{wire::numeric_oid}, fee_{wire::numeric_oid},
        cost_{wire::numeric_oid}, call_type_{wire::text_oid}, status_{wire::text_oid},
        old_status_{wire::text_oid}, old_cost_{wire::numeric_oid}, old_drawn_{wire::int4_oid};
    parameters values_;
};

/// Rows of billing.cdr_adjustments.
class adjustment_rows {
  public:
    parameters& fill(std::span<call_change const> changes, ingest::uuid const& run_id,
                     std::string_view reason, std::string_view author);

  private:
    void add_side(stored_rating const& rating, array_parameter& status, array_parameter& cost,
                  array_parameter& billed, array_parameter& drawn, array_parameter& rate);

    array_parameter account_{wire::uuid_oid}, start_{wire::timestamptz_oid}, call_{wire::uuid_oid},
        id_{wire::uuid_oid}, old_status_{wire::text_oid}, new_status_{wire::text_oid},
        old_cost_{wire::numeric_oid}, new_cost_{wire::numeric_oid}, old_billed_{wire::int4_oid},
        new_billed_{wire::int4_oid}, old_drawn_{wire::int4_oid}, new_drawn_{wire::int4_oid},
        old_rate_{wire::uuid_oid}, new_rate_{wire::uuid_oid}, currency_{wire::text_oid};
    parameters values_;
};

} // namespace tally::storage
