#include "ingest/record/cdr.hpp"

#include "ingest/text/trim.hpp"

namespace tally::ingest {
namespace {

constexpr std::int64_t ms_per_s = 1000;

bool same_second(time_us a, time_us b) noexcept {
    if (a == never_us || b == never_us) {
        return a == b;
    }
    return whole_second(a) == whole_second(b);
}

/// A field that one of the formats does not have cannot contradict the other.
bool no_contradiction(std::string_view a, std::string_view b) noexcept {
    return a.empty() || b.empty() || a == b;
}

bool same_number(std::string_view a, std::string_view sent_a, std::string_view b,
                 std::string_view sent_b) noexcept {
    // By the normal form or as sent: the number rules may have changed between two reports of a
    // call.
    return without_plus(a) == without_plus(b) ||
           without_plus(sent_a.empty() ? a : sent_a) == without_plus(sent_b.empty() ? b : sent_b);
}

} // namespace

bool same_content(cdr const& a, cdr const& b) noexcept {
    // Only what every report of a call has, and no more exactly than its least exact form: CSV cuts
    // times and durations to the second. R6 takes a difference here for a conflict.
    return a.direction == b.direction &&
           same_number(a.caller_id, a.sent_caller_id, b.caller_id, b.sent_caller_id) &&
           same_number(a.destination, a.sent_destination, b.destination, b.sent_destination) &&
           same_second(a.answer, b.answer) && same_second(a.end, b.end) &&
           a.duration_ms / ms_per_s == b.duration_ms / ms_per_s &&
           a.billsec_ms / ms_per_s == b.billsec_ms / ms_per_s &&
           no_contradiction(a.hangup_cause, b.hangup_cause);
}

} // namespace tally::ingest
