#include "ingest/cdr.hpp"

namespace tally::ingest {
namespace {

constexpr std::int64_t ms_per_s = 1000;

bool same_second(time_us a, time_us b) noexcept {
    if (a == never_us || b == never_us) {
        return a == b;
    }
    return whole_second(a) == whole_second(b);
}

bool no_contradiction(std::string_view a, std::string_view b) noexcept {
    return a.empty() || b.empty() || a == b;
}

} // namespace

bool same_content(cdr const& a, cdr const& b) noexcept {
    return a.direction == b.direction && a.caller_id == b.caller_id &&
           a.destination == b.destination && same_second(a.answer, b.answer) &&
           same_second(a.end, b.end) && a.duration_ms / ms_per_s == b.duration_ms / ms_per_s &&
           a.billsec_ms / ms_per_s == b.billsec_ms / ms_per_s &&
           no_contradiction(a.hangup_cause, b.hangup_cause);
}

} // namespace tally::ingest
