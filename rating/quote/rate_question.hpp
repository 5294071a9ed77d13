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
    std::string to;   ///< as dialled
    std::string from; ///< empty: not known
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
    std::optional<quantity> value; ///< none was said
    ingest::time_us at = 0;
    std::vector<std::pair<std::string, std::string>> properties; ///< every other member, as text

    friend bool operator==(usage_question const&, usage_question const&) = default;
};

/// Why a line is no question, and about which member of it.
struct question_fault {
    ingest::record_error error = ingest::record_error::none;
    std::string field; ///< empty: the line as a whole
    std::string detail;

    friend bool operator==(question_fault const&, question_fault const&) = default;
};

using rate_question = std::variant<question_fault, call_question, usage_question>;

/// Seconds as milliseconds, away from zero: a part of one counts, whatever its size. nullopt when
/// the text is no number; what is beyond any call is INT64_MAX or INT64_MIN.
std::optional<std::int64_t> parse_seconds(std::string_view text) noexcept;

/// Reads lines of questions, one JSON object each (docs/RATING.md, Questions):
///
///     {"to":"+44...","from":"...","direction":"outbound","at":"RFC 3339","duration_s":130}
///     {"metric":"sms","quantity":"3","at":"...", any properties}
///
/// Numbers may come as strings; null and "" are absent; of a repeated member the last one counts;
/// members that nobody knows are a usage event's properties and ignored of a call. Those of a
/// canonical CDR are taken as well. `duration_s` is what is billed, unless `billsec_ms` or
/// `billsec` says so and it is the whole call; an `answered_at` that is absent is that much before
/// the end. A time without a zone is the plan's local time.
///
/// Keeps its parser and buffer for the next line; one thread.
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
