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

/// A call detail record as every decoder gives it, whatever the switch said.
///
/// The views point into the record_batch that holds the record and live as long as it does. Text
/// is valid UTF-8 without NUL (decoders replace what is not), except `raw`, which is as received.
struct cdr {
    uuid id; ///< the switch's call id; others mapped by uuid_v5
    call_direction direction = call_direction::outbound;
    bool direction_assumed = false;       ///< the switch's own view, not the subscriber's: guiding
                                          ///< may know better from whose numbers these are
    bool zone_assumed = false;            ///< times had no zone; the source's was taken
    std::string_view account_number;      ///< account code; empty when the switch sent none
    std::string_view subscription_number; ///< or id, as text; empty when none was sent
    std::string_view caller_id;           ///< number or name as the switch sent it, may be empty
    std::string_view destination;         ///< dialled number as sent
    std::string_view sent_caller_id;      ///< as it was before the source's number rules made
    std::string_view sent_destination;    ///< E.164 of it; empty: the same, but for a '+'
    time_us start = 0;                    ///< kept exact here; the key is its whole second
    time_us answer = never_us;
    time_us end = 0;
    std::int64_t duration_ms = 0; ///< as the switch reports it (start to end)
    std::int64_t billsec_ms = 0;  ///< as the switch reports it (answer to end)
    std::int64_t billable_ms = 0; ///< what is billed: from exact times when there are any
    std::string_view hangup_cause;
    std::string_view metadata; ///< one JSON object, or empty
    std::string_view raw;      ///< the record's own bytes in the input

    friend bool operator==(cdr const&, cdr const&) = default;
};

/// Whether two records of one key say the same of the call. Only what every format of a switch
/// carries is compared, and times to the second: the same call arrives by push with microseconds
/// and by CSV without. Metadata and exact times are not content. A number is the same when its
/// normal form is, or what was sent: number rules may have changed between two reports of a call.
bool same_content(cdr const& a, cdr const& b) noexcept;

} // namespace tally::ingest
