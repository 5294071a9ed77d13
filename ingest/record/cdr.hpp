#pragma once

#include "ingest/base/time.hpp"
#include "ingest/base/uuid.hpp"

#include <cstdint>
#include <string_view>

namespace tally::ingest {

enum class call_direction : std::uint8_t {
    outbound, ///< from one of our subscribers
    inbound,  ///< to one of our DIDs
};

/// A call detail record in the form that every decoder gives, whatever the switch sent.
///
/// The views point into the record_batch that contains the record and live as long as it does. Text
/// is valid UTF-8 without NUL (decoders replace invalid characters), except `raw`, which is as
/// received.
struct cdr {
    uuid id; ///< the switch's call id; others mapped by uuid_v5
    call_direction direction = call_direction::outbound;
    bool direction_assumed = false;       ///< the switch's view, not the subscriber's: guiding may
                                          ///< correct it by the owner of the numbers
    bool zone_assumed = false;            ///< times had no zone; the source's was used
    std::string_view account_number;      ///< account code; empty when the switch sent none
    std::string_view subscription_number; ///< or id, as text; empty when none was sent
    std::string_view caller_id;           ///< number or name as the switch sent it, may be empty
    std::string_view destination;         ///< dialed number as sent
    std::string_view sent_caller_id;      ///< before the source's number rules made it E.164;
    std::string_view sent_destination;    ///< empty: the same, except for a '+'
    time_us start = 0;                    ///< kept exact here; the key is its whole second
    time_us answer = never_us;
    time_us end = 0;
    std::int64_t duration_ms = 0; ///< as the switch reports it (start to end)
    std::int64_t billsec_ms = 0;  ///< as the switch reports it (answer to end)
    std::int64_t billable_ms = 0; ///< what is billed: from exact times if there are any
    std::string_view hangup_cause;
    std::string_view metadata; ///< one JSON object, or empty
    std::string_view raw;      ///< the record's own bytes in the input

    friend bool operator==(cdr const&, cdr const&) = default;
};

/// Whether two records of one key have the same content. Only the fields that every format of a
/// switch has are compared, and times to the second: the same call arrives by push with
/// microseconds and by CSV without. Metadata and exact times are not content. Two numbers are equal
/// if their normal forms or the numbers as sent are equal: the number rules may have changed
/// between two reports of a call.
bool same_content(cdr const& a, cdr const& b) noexcept;

} // namespace tally::ingest
