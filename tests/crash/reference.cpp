#include "tests/crash/reference.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>

namespace tally::crash {

namespace {

constexpr nanos unit = 1'000'000'000;
constexpr nanos national_per_s = unit * 30 / 100 / 60;

std::string date_of(std::int64_t epoch_s) {
    std::time_t const moment = epoch_s;
    std::tm parts{};
    gmtime_r(&moment, &parts);
    char text[16];
    std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
    return text;
}

} // namespace

reference_charge charge_of(sample_call const& call) {
    auto const s = call.seconds;
    if (s == 0) {
        return {};
    }
    switch (call.target) {
    case where_to::national: // 0.30 a minute, by the second
        return {s, national_per_s, 0, true};
    case where_to::elsewhere: // 0.60 a minute, by the second
        return {s, unit * 60 / 100 / 60, 0, false};
    case where_to::london: // 0.50, then 1.20 a minute: a minute at least, then by six seconds
        return {s <= 60 ? 60 : 60 + (s - 60 + 5) / 6 * 6, unit * 120 / 100 / 60, unit / 2, false};
    case where_to::inbound:
        return {s, 0, 0, false};
    }
    throw std::logic_error{"a call to nowhere"};
}

nanos nanos_of(std::string const& text) {
    bool const negative = text.starts_with('-');
    auto const point = std::min(text.find('.'), text.size());
    auto behind = point == text.size() ? std::string{} : text.substr(point + 1);
    if (behind.size() > 9) {
        throw std::runtime_error{"more digits than money has: " + text};
    }
    behind.resize(9, '0');
    auto const whole = std::stoll(text.substr(negative ? 1 : 0, point - (negative ? 1 : 0)));
    auto const amount = whole * unit + std::stoll(behind);
    return negative ? -amount : amount;
}

std::string text_of(nanos amount) {
    auto digits = std::to_string(std::abs(amount));
    digits.insert(0, digits.size() < 10 ? 10 - digits.size() : 0, '0');
    digits.insert(digits.size() - 9, ".");
    return (amount < 0 ? "-" : "") + digits;
}

std::int64_t reference_totals::usage::drawn_s() const noexcept {
    return std::min(drawing_s, included_s);
}

nanos reference_totals::usage::cost() const noexcept {
    return other_cost + (drawing_s - drawn_s()) * national_per_s;
}

void reference_totals::add(sample_call const& call) {
    auto const charge = charge_of(call);
    auto const date = date_of(call.start_s);
    auto& month = months_[{call.account, date.substr(0, 7)}];
    ++month.calls;
    month.billed_s += charge.billed_s;
    if (charge.draws_allowance) {
        month.drawing_s += charge.billed_s;
    } else {
        month.other_cost += charge.fee + charge.billed_s * charge.per_s;
    }
    auto& that_day = days_[{call.account, date}];
    ++that_day.calls;
    that_day.answered_s += call.seconds;
    that_day.billed_s += charge.billed_s;
    ++calls_;
}

std::map<int, nanos> reference_totals::by_account() const {
    std::map<int, nanos> sums;
    for (auto const& [key, month] : months_) {
        sums[key.first] += month.cost();
    }
    return sums;
}

nanos reference_totals::cost() const {
    nanos sum = 0;
    for (auto const& [key, month] : months_) {
        sum += month.cost();
    }
    return sum;
}

} // namespace tally::crash
