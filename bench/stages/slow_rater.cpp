#include "bench/stages/slow_rater.hpp"

#include <stdexcept>
#include <string>

namespace tally::bench {
namespace {

rating::rate const& longest_match(ingest::cdr const& call, std::span<rating::rate const> rates) {
    std::string_view const digits = call.destination.substr(1); // behind the plus
    rating::rate const* best = nullptr;
    for (auto const& rate : rates) {
        if (rate.direction == call.direction && digits.starts_with(rate.prefix) &&
            (best == nullptr || rate.prefix.size() > best->prefix.size())) {
            best = &rate;
        }
    }
    if (best == nullptr) {
        throw std::runtime_error{"no rate matches " + std::string{call.destination}};
    }
    return *best;
}

rating::rate_step const& step_at(rating::rate const& rate, std::int64_t second) {
    auto const* found = &rate.steps.front();
    for (auto const& step : rate.steps) {
        if (step.from_s <= second) {
            found = &step;
        }
    }
    return *found;
}

} // namespace

rating::amount slow_cost(ingest::cdr const& call, std::span<rating::rate const> rates,
                         rating::allowance& left) {
    constexpr std::int64_t unit_s = 60;
    constexpr std::int64_t ten_thousandth = 100'000;
    std::int64_t const call_s = (call.billable_ms + 999) / 1000;
    auto const& rate = longest_match(call, rates);
    std::int64_t sixtieths = 0; // of a nano
    bool is_charged = false;
    for (std::int64_t second = 0; second < call_s;) {
        auto const& step = step_at(rate, second);
        if (rate.allowance && left.used_s + step.increment_s <= left.included_s) {
            left.used_s += step.increment_s;
        } else {
            sixtieths += step.increment_s * step.price.nanos;
            is_charged = true;
        }
        second += step.increment_s;
    }
    if (is_charged) {
        sixtieths += rate.connect_fee.nanos * unit_s;
    }
    constexpr std::int64_t step_of_rounding = unit_s * ten_thousandth;
    return {(2 * sixtieths + step_of_rounding) / (2 * step_of_rounding) * ten_thousandth};
}

} // namespace tally::bench
