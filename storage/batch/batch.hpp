#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/record/event.hpp"
#include "rating/clock/calendar.hpp"
#include "rating/money/money.hpp"
#include "rating/money/quantity.hpp"
#include "rating/rater/rater.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tally::storage {

using currency_code = std::array<char, 3>; ///< ISO 4217

/// One row of billing.cdrs. `call` and everything that it views must outlive the batch.
struct cdr_row {
    ingest::cdr const* call = nullptr;
    ingest::uuid account_id;
    ingest::uuid subscription_id;
    ingest::uuid source_id;
    currency_code currency{};
    rating::rated_call rated;
};

/// One event of any kind. `event` and everything that it views must outlive the batch.
struct event_row {
    ingest::event const* event = nullptr;
    ingest::uuid account_id;      ///< nil: no account
    ingest::uuid subscription_id; ///< nil: no subscription, or not metered
    ingest::uuid source_id;
    std::string_view format;      ///< this and the next two go with an effect that is queued
    std::string_view raw;         ///< the event as it came
    ingest::time_us received = 0; ///< when it arrived
    currency_code currency{};
    bool is_metered = false; ///< whether the members below are set
    rating::quantity quantity;
    rating::quantity billable;
    rating::amount cost;
};

/// One row of billing.subscription_metric_usage as it will be, and the version that the batch was
/// rated on.
struct metric_row {
    ingest::uuid subscription_id;
    ingest::uuid account_id;
    ingest::time_us period_start = 0;
    ingest::time_us period_end = 0;
    std::string_view metric;
    std::int64_t expected_version = 0; ///< 0: there is no row yet
    std::int64_t events = 0;           ///< added by this batch
    rating::quantity total;            ///< the new value, this batch included
    rating::quantity included_used;    ///< the new value, this batch included
    rating::amount_sum cost;           ///< added by this batch
    ingest::time_us last_usage = 0;
    currency_code currency{};
};

/// A value that a metric with aggregation `unique` counts for the first time in a period.
struct unique_value_row {
    ingest::uuid subscription_id;
    ingest::time_us period_start = 0;
    std::string_view metric;
    ingest::uuid value_id; ///< version 5 uuid of the value

    friend auto operator<=>(unique_value_row const&, unique_value_row const&) = default;
};

/// What a batch adds to one row of billing.subscription_usage, and the version that the batch was
/// rated on.
struct usage_delta {
    ingest::uuid subscription_id;
    ingest::uuid account_id;
    ingest::time_us period_start = 0;
    ingest::time_us period_end = 0;
    std::int64_t expected_version = 0; ///< 0: there is no row yet
    std::int64_t seconds = 0;          ///< billed seconds, including those of the allowance
    std::int64_t included_seconds = 0; ///< drawn from the allowance
    std::int64_t calls = 0;
    rating::amount_sum overage_cost;
    rating::amount_sum total_cost;
    ingest::time_us last_usage = 0; ///< latest end of a call, or time of an event
    currency_code currency{};
    std::int64_t events = 0;          ///< metered events
    rating::int128 sms_nanos = 0;     ///< of the metric "sms"; corrections may make it negative
    rating::int128 data_mb_nanos = 0; ///< of the metric "data_mb"; corrections may do the same

    [[nodiscard]] bool moves() const noexcept { return calls > 0 || events > 0; }
};

/// What a batch subtracts from an account's balance.
struct balance_delta {
    ingest::uuid account_id;
    rating::amount_sum charge; ///< positive: the balance falls
};

/// What a batch adds to one row of analytics.usage_aggregates_daily.
struct daily_delta {
    ingest::uuid account_id;
    ingest::uuid subscription_id;
    rating::civil_day day = 0;
    std::string_view metric; ///< "calls", or a metric's name
    std::int64_t events = 0;
    rating::int128 quantity_nanos = 0;
    rating::int128 billable_nanos = 0;
    rating::amount_sum cost;
    currency_code currency{};
};

/// One row of ingest.suspense. A source has one row per payload: a payload that already waits is a
/// duplicate; one that was resolved or discarded waits again if it was received at another time.
struct suspense_row {
    ingest::record_error reason = ingest::record_error::none;
    std::string_view detail;
    ingest::uuid source_id;
    std::string_view format;
    std::string_view payload;
    ingest::time_us received = 0; ///< when the record arrived; us since 1970
};

/// What a batch's row in ingest.batches says about its calls and events.
struct stored_sums {
    std::size_t calls = 0;
    std::size_t events = 0;
    rating::amount_sum cost;
    ingest::time_us first = INT64_MAX; ///< start of a call, time of an event; whole seconds
    ingest::time_us last = INT64_MIN;

    void add(std::span<cdr_row const> rows) noexcept;
    void add(std::span<event_row const> rows) noexcept;
};

/// The rows of one transaction: all are stored, or none.
struct batch {
    ingest::uuid id; ///< version 7; a new one for each attempt
    ingest::uuid daemon_id;
    ingest::uuid import_id; ///< nil: not from an import
    /// Batches that must be there, or this one is `lost`: the lane's batch before this one, and the
    /// decisions on payers that it rests on. Each kind is a chain: where the last one is, all are.
    std::vector<ingest::uuid> required;
    std::int32_t lane = 0;
    ingest::time_us opened = 0;   ///< when its first record was taken
    std::uint32_t duplicates = 0; ///< records dropped as duplicates, for ingest.batches
    std::uint64_t bytes = 0;
    stored_sums written_ahead;       ///< calls that batch_store::write_ahead() has taken
    std::vector<cdr_row> calls;      ///< in any order; written sorted by key
    std::vector<event_row> events;   ///< in order of arrival
    std::vector<usage_delta> usage;  ///< one per (subscription, period)
    std::vector<metric_row> metrics; ///< one per (subscription, period, metric)
    std::vector<unique_value_row> unique_values;
    std::vector<balance_delta> balances; ///< one per account
    std::vector<daily_delta> daily;      ///< one per (account, subscription, day, metric)
    std::vector<suspense_row> suspense;
    /// Rows of ingest.suspense whose records this batch stores. The batch is stale if one of them
    /// no longer waits.
    std::vector<ingest::uuid> resolved;
    /// The session in which the states that the batch was rated on were read; 0: any. Another one
    /// may be with another server, so the batch is stale there.
    std::uint64_t session = 0;

    void clear() noexcept; ///< keeps the memory of the vectors
    /// Of all calls, those written ahead included.
    [[nodiscard]] std::size_t calls_stored() const noexcept {
        return written_ahead.calls + calls.size();
    }
};

/// Key of a call in billing.cdrs.
struct call_key {
    ingest::uuid account_id;
    ingest::time_us start = 0; ///< whole second
    ingest::uuid id;

    friend auto operator<=>(call_key const&, call_key const&) = default;
};

} // namespace tally::storage
