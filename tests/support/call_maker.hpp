#pragma once

#include "ingest/record/cdr.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace tally::tests {

/// Makes outbound calls for a telecom of make_telecom(); owns their text.
class call_maker {
  public:
    /// 2026-05-04T10:00:00Z, a Monday on which every test subscription is active.
    static constexpr ingest::time_us base = 1'777'888'800LL * ingest::us_per_s;

    /// A call by account number, answered at once; its id is derived from `number`.
    ingest::cdr call(std::uint32_t number, int account, std::string destination,
                     std::int64_t seconds, ingest::time_us start = base) {
        ingest::cdr made;
        made.id.bytes[0] = 0xca;
        for (std::size_t i = 0; i < 4; ++i) {
            made.id.bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
        }
        made.account_number = keep("ACC-" + std::to_string(account));
        made.caller_id = "1000";
        made.destination = keep(std::move(destination));
        made.start = start;
        made.answer = seconds > 0 ? start : ingest::never_us;
        made.end = start + seconds * ingest::us_per_s;
        made.duration_ms = made.billsec_ms = made.billable_ms = seconds * 1000;
        made.hangup_cause = "NORMAL_CLEARING";
        made.raw = keep("raw of call " + std::to_string(number));
        return made;
    }
    std::string_view keep(std::string text) { return text_.emplace_back(std::move(text)); }

  private:
    std::deque<std::string> text_;
};

} // namespace tally::tests
