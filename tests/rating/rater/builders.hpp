#pragma once

#include "ingest/record/cdr.hpp"
#include "rating/money/money.hpp"
#include "rating/rater/rater.hpp"
#include "rating/tariff/tariff.hpp"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

/// Helpers that build the tariffs and calls of tests.
namespace tally::rating::tests {

/// 2026-03-10T12:00:00Z, a Tuesday: the start of the tests' calls.
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

inline tariff plan_of(std::vector<rate> rates, rounding rounding = {rounding_mode::half_up, 4}) {
    tariff::header head;
    head.code = "test";
    head.rounding_mode = rounding;
    return {std::move(head), std::move(rates)};
}

inline constexpr std::int32_t hour_s = 3600;

/// A moment, given in UTC.
constexpr ingest::time_us utc(int year, unsigned month, unsigned day, std::int64_t hour = 0,
                              std::int64_t minute = 0, std::int64_t second = 0) {
    std::chrono::sys_days const date{std::chrono::year{year} / static_cast<int>(month) /
                                     static_cast<int>(day)};
    return (date.time_since_epoch().count() * std::int64_t{24 * hour_s} + hour * hour_s +
            minute * 60 + second) *
           ingest::us_per_s;
}

constexpr civil_day date_of(int year, unsigned month, unsigned day) {
    return static_cast<civil_day>(utc(year, month, day) / (24 * hour_s * ingest::us_per_s));
}

inline constexpr std::uint8_t monday_to_friday = 0b0011111;

/// A band from one second of the day to another; `days` as band::days.
inline band band_of(std::string_view name, std::int32_t from_s, std::int32_t to_s,
                    std::int32_t weight = 0, std::uint8_t days = 0) {
    band made;
    made.name = name;
    made.days = days;
    made.from_s = from_s;
    made.to_s = to_s;
    made.weight = weight;
    return made;
}

/// A rate with a price per second, charged by the second, in one of the plan's bands.
inline rate by_second(std::string_view prefix, std::string_view price,
                      band_index in_band = any_band) {
    rate r = rate_of(prefix, {step(0, price, 1, 1)});
    r.band = in_band;
    return r;
}

/// A plan with bands in a zone, rounded half up to 4 decimals.
inline tariff::content content_of(std::string_view time_zone, std::vector<band> bands,
                                  std::vector<rate> rates) {
    tariff::content made;
    made.head.code = "test";
    made.head.time_zone = time_zone;
    made.bands = std::move(bands);
    made.rates = std::move(rates);
    return made;
}

inline std::shared_ptr<tariff const> shared(tariff::content content) {
    return std::make_shared<tariff const>(std::move(content));
}

/// An answered outbound call to a London number, with this length in milliseconds.
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

/// A call with this length that is answered at this moment.
inline ingest::cdr call_at(ingest::time_us answer, std::int64_t seconds) {
    auto call = call_of(seconds);
    call.start = answer - 5 * ingest::us_per_s;
    call.answer = answer;
    call.end = answer + seconds * ingest::us_per_s;
    return call;
}

/// The cost of a call without an allowance, or the code of its error.
inline std::string cost_of(ingest::cdr const& call, tariff const& plan, bool on_net = false) {
    allowance none;
    auto const rated = rate_call(call, plan, none, on_net);
    return rated.error == ingest::record_error::none ? to_string(rated.cost)
                                                     : std::string(ingest::code(rated.error));
}

/// An id that depends only on `n`, for tests that need different ids.
inline ingest::uuid id_of(std::uint8_t n) {
    ingest::uuid id;
    id.bytes[15] = n;
    return id;
}

} // namespace tally::rating::tests
