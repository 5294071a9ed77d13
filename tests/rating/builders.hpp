#pragma once

#include "ingest/cdr.hpp"
#include "rating/money.hpp"
#include "rating/tariff.hpp"

#include <string_view>
#include <utility>
#include <vector>

/// Short ways to write the tariffs and calls that tests speak of.
namespace tally::rating::tests {

/// 2026-03-10T12:00:00Z, a Tuesday: the moment at which calls of tests begin.
inline constexpr ingest::time_us noon = 1'773'144'000 * ingest::us_per_s;

/// An amount from its decimal form; throws for anything else, which fails the test.
inline amount money(std::string_view text) {
    return parse_amount(text).value();
}

inline rate_step step(std::uint32_t from_s, std::string_view price, std::uint32_t unit_s,
                      std::uint32_t increment_s) {
    return {from_s, unit_s, increment_s, money(price)};
}

inline rate rate_of(std::string_view prefix, std::vector<rate_step> steps) {
    rate r;
    r.prefix = prefix;
    r.steps = std::move(steps);
    return r;
}

inline tariff plan_of(std::vector<rate> rates, rounding how = {rounding_mode::half_up, 4}) {
    tariff::header head;
    head.code = "test";
    head.how = how;
    return {std::move(head), std::move(rates)};
}

/// An answered outbound call of so many milliseconds to a London number.
inline ingest::cdr call_of_ms(std::int64_t billable_ms) {
    ingest::cdr call;
    call.destination = "+442071838750";
    call.start = noon;
    call.answer = noon + 5 * ingest::us_per_s;
    call.end = call.answer + billable_ms * 1000;
    call.duration_ms = billable_ms + 5000;
    call.billsec_ms = billable_ms;
    call.billable_ms = billable_ms;
    return call;
}

inline ingest::cdr call_of(std::int64_t seconds) {
    return call_of_ms(seconds * 1000);
}

/// A number that is the same for the same `n`, for ids that need only differ.
inline ingest::uuid id_of(std::uint8_t n) {
    ingest::uuid id;
    id.bytes[15] = n;
    return id;
}

} // namespace tally::rating::tests
