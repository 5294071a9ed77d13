#pragma once

#include "tests/support/json_object.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally::tests {

/// A call in the format "canonical": 60 s of account ACC-1 to London on 2026-05-04 at 10:00:00Z.
///
///     call_json{7}.with("account_number", "ACC-2").with("billsec", 30).without("end_time").text()
///     call_json{"any id"}.line() // with a line feed, for NDJSON
class call_json : public json_members<call_json> {
  public:
    explicit call_json(std::string_view id) {
        with("uuid", id);
        with("account_number", "ACC-1").with("direction", "outbound").with("caller_id", "1001");
        with("destination", "4420").with("start_time", "2026-05-04T10:00:00Z");
        with("end_time", "2026-05-04T10:01:00Z").with("duration", 60).with("billsec", 60);
    }
    /// The call with the id id_of(number).
    explicit call_json(int number) : call_json{id_of(number)} {}

    /// A UUID that ends in this number.
    static std::string id_of(int number) {
        std::string digits = std::to_string(number);
        digits.insert(0, 12 - std::min<std::size_t>(digits.size(), 12), '0');
        return "d0000000-0000-4000-8000-" + digits;
    }

    call_json& account(int number) {
        return with("account_number", "ACC-" + std::to_string(number));
    }
    /// Answered at once at this time (seconds since 1970), for so long.
    call_json& lasting(std::int64_t start_s, std::int64_t seconds) {
        with("start_time", start_s).with("answer_time", start_s);
        return with("end_time", start_s + seconds)
            .with("duration", seconds)
            .with("billsec", seconds);
    }
};

} // namespace tally::tests
