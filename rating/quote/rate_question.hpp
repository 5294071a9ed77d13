#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/money/quantity.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tally::rating {

/// A call whose price is asked.
struct call_question {
    std::string destination; ///< as dialed
    std::string caller;      ///< empty: not known
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us start = 0;
    ingest::time_us answer = ingest::never_us;
    std::int64_t duration_ms = 0;
    std::int64_t billable_ms = 0;
    std::optional<bool> on_net; ///< the destination is one of our own active DIDs

    friend bool operator==(call_question const&, call_question const&) = default;
};

/// A usage event whose price is asked.
struct usage_question {
    std::string metric;
    std::optional<quantity> value; ///< nullopt: not given
    ingest::time_us time = 0;
    std::vector<std::pair<std::string, std::string>> properties; ///< every other member, as text

    friend bool operator==(usage_question const&, usage_question const&) = default;
};

/// The reason why a line is not a question, and the member that is wrong.
struct question_fault {
    ingest::record_error error = ingest::record_error::none;
    std::string field; ///< empty: the line as a whole
    std::string detail;

    friend bool operator==(question_fault const&, question_fault const&) = default;
};

using rate_question = std::variant<question_fault, call_question, usage_question>;

/// Seconds as milliseconds, rounded away from zero. nullopt when the text is not a number. A number
/// that does not fit gives INT64_MAX or INT64_MIN.
std::optional<std::int64_t> parse_seconds(std::string_view text) noexcept;

/// Reads lines of questions, one JSON object each (docs/RATING.md, Questions):
///
///     {"to":"+44...","from":"...","direction":"outbound","at":"RFC 3339","duration_s":130}
///     {"metric":"sms","quantity":"3","at":"...", any properties}
///
/// Numbers may be strings. null and "" mean absent. Of a repeated member the last one counts.
/// Unknown members are the properties of a usage event; of a call they are ignored. The member
/// names of a canonical CDR are accepted as well. `duration_s` is the billed time; if `billsec_ms`
/// or `billsec` is given, that is the billed time and `duration_s` is the whole call. An absent
/// `answered_at` is computed from the end and the billed time. A time without a zone is the plan's
/// local time.
///
/// Keeps its parser and buffer for the next line. One thread.
class question_reader {
  public:
    explicit question_reader(std::string time_zone);
    ~question_reader();
    question_reader(question_reader const&) = delete;
    question_reader& operator=(question_reader const&) = delete;

    [[nodiscard]] rate_question read(std::string_view line);

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
