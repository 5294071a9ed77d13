#pragma once

#include "ingest/base/uuid.hpp"
#include "rating/money/money.hpp"
#include "storage/batch/batch.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tally::storage {

/// Column processing_status of billing.cdrs.
enum class call_status : std::uint8_t { rated, zero_rated, rerated, disputed, voided, billed };

/// The label in the database: "void" for voided.
std::string_view label(call_status status) noexcept;
/// The status of a label; for an unknown label `billed`, a status that nothing changes.
call_status parse_call_status(std::string_view text) noexcept;

/// The columns of billing.cdrs that hold a call's cost and explain it. Owns its text.
struct stored_rating {
    call_status status = call_status::rated;
    std::int64_t billed_s = 0;
    std::int64_t allowance_s = 0;
    rating::amount cost;
    rating::amount connect_fee;
    rating::amount rate_per_minute;
    ingest::uuid rate_id; ///< nil: none
    std::string matched_prefix;
    std::string call_type; ///< empty: none

    friend bool operator==(stored_rating const&, stored_rating const&) = default;
};

/// Whether everything that explains the cost is equal; the status is not compared.
bool same_rating(stored_rating const& a, stored_rating const& b) noexcept;

/// A call whose rating is changed after it was stored.
struct call_change {
    call_key key;
    ingest::uuid subscription_id;
    ingest::time_us period_start = 0;
    rating::civil_day day = 0; ///< of its daily aggregate, in the plan's time zone
    currency_code currency{};
    stored_rating before;
    stored_rating after;
};

} // namespace tally::storage
