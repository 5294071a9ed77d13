#include "tests/rating/rater/random_plans.hpp"

#include "tests/rating/rater/builders.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <date/tz.h>
#include <map>
#include <rapidcheck.h>
#include <set>

namespace tally::rating::tests {

namespace {

using ingest::time_us;
using ingest::us_per_s;

// Zones at whole hours, half hours and quarters from UTC, with clocks that change by an hour, by
// half an hour, at midnight, in other seasons, by a whole day, and not at all.
constexpr std::array zone_names{"UTC",
                                "Asia/Kolkata",
                                "Asia/Kathmandu",
                                "Europe/London",
                                "Europe/Berlin",
                                "America/New_York",
                                "America/St_Johns",
                                "America/Sao_Paulo",
                                "America/Havana",
                                "Asia/Beirut",
                                "Australia/Lord_Howe",
                                "Africa/Casablanca",
                                "Pacific/Apia",
                                "Pacific/Chatham"};

// Prefixes, and numbers that begin with several of them.
constexpr std::array prefixes{"", "4", "44", "44", "442", "44207", "447", "33"};
constexpr std::array numbers{"442071838750", "442071838750", "4472", "4411", "331", "49", "7"};

template <typename Value>
Value between(Value low, Value high) {
    // RapidCheck begins with small numbers, but small times are not near any change.
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<Value>(low, high + 1));
}

bool one_in(int n) {
    return between(1, n) == 1;
}

template <typename Values>
auto one_of(Values const& values) {
    return values[between<std::size_t>(0, values.size() - 1)];
}

/// When the clocks of a zone changed from 2008 on.
std::vector<time_us> const& changes_of(std::string const& zone_name) {
    static std::map<std::string, std::vector<time_us>> known;
    auto const [found, is_new] = known.try_emplace(zone_name);
    if (is_new) {
        auto const* const zone = date::locate_zone(zone_name);
        date::sys_seconds position = date::sys_days{date::year{2008} / 1 / 1};
        for (date::sys_seconds const end = date::sys_days{date::year{2028} / 1 / 1};
             position < end;) {
            position = zone->get_info(position).end;
            if (position < end) {
                found->second.push_back(position.time_since_epoch().count() * us_per_s);
            }
        }
    }
    return found->second;
}

time_us moment_around(std::string const& zone_name) {
    auto const& changes = changes_of(zone_name);
    if (!changes.empty() && !one_in(3)) {
        return one_of(changes);
    }
    return noon + between<time_us>(-400, 400) * 24 * hour_s * us_per_s;
}

std::int32_t random_edge() {
    constexpr std::array usual{0,          hour_s,      3 * hour_s / 2,  2 * hour_s,
                               3 * hour_s, 8 * hour_s,  12 * hour_s,     19 * hour_s,
                               86'399,     22 * hour_s, 23 * hour_s + 1, 5 * hour_s / 2};
    return one_in(4) ? between<std::int32_t>(0, band::day_s - 1) : one_of(usual);
}

band random_band(time_us around) {
    band made;
    made.name = "band";
    made.weight = between(-1, 2);
    if (!one_in(4)) {
        made.from_s = random_edge();
        made.to_s = one_in(5) ? band::day_s : random_edge();
    }
    if (one_in(2)) {
        made.days = static_cast<std::uint8_t>(between(0, 127));
    }
    for (int i = between(0, 4) - 2; i > 0; --i) {
        made.dates.push_back(static_cast<civil_day>(around / (24 * hour_s * us_per_s)) +
                             between(-2, 2));
    }
    return made;
}

std::int64_t random_price(plan_wishes const& wishes) {
    // Round prices, prices with all decimals, and zero.
    constexpr std::int64_t cent = 10'000'000;
    switch (between(0, 3)) {
    case 0:
        return 0;
    case 1:
        return between(wishes.price_low / cent, wishes.price_high / cent) * cent;
    default:
        return between(wishes.price_low, wishes.price_high);
    }
}

std::vector<rate_step> random_steps(plan_wishes const& wishes, bool is_coarse) {
    constexpr std::array units{1U, 6U, 7U, 30U, 60U, 61U, 3600U};
    constexpr std::array short_increments{1U, 1U, 6U, 7U, 30U, 60U, 90U};
    constexpr std::array long_increments{300U, 600U, 601U, 900U, 3600U, 7000U};
    std::set<std::uint32_t> begins{0};
    for (int i = between(0, 4) - 1; i > 0; --i) {
        begins.insert(between(1U, is_coarse ? 200'000U : 300U));
    }
    std::vector<rate_step> steps;
    for (std::uint32_t const from_s : begins) {
        auto const increment_s = is_coarse ? one_of(long_increments) : one_of(short_increments);
        steps.push_back({from_s, one_of(units), increment_s, amount{random_price(wishes)}});
    }
    return steps;
}

/// Sets the time of validity: mostly unlimited, else with a begin or an end near the calls.
void limit(rate& r, time_us around) {
    if (one_in(3)) {
        r.effective_from = around + between<time_us>(-6, 6) * hour_s * us_per_s;
    }
    if (one_in(5)) {
        r.effective_to = around + between<time_us>(-6, 30) * hour_s * us_per_s;
    }
}

rate random_rate(plan_wishes const& wishes, tariff::content const& content,
                 random_tariff const& plan) {
    rate r = rate_of(one_of(prefixes), random_steps(wishes, plan.is_coarse));
    r.direction = one_in(8) ? ingest::call_direction::inbound : ingest::call_direction::outbound;
    r.is_on_net = one_in(6);
    r.allowance = one_in(2);
    r.grace_s = wishes.has_grace && one_in(6) ? between(0U, 20U) : 0;
    r.connect_fee = amount{one_in(2) ? 0 : std::abs(random_price(wishes))};
    r.minimum = amount{one_in(3) ? std::abs(random_price(wishes)) : 0};
    r.maximum = amount{one_in(3) ? std::abs(random_price(wishes)) * 9 : INT64_MAX};
    if (!content.bands.empty() && !one_in(3)) {
        r.band = between<band_index>(0, static_cast<band_index>(content.bands.size() - 1));
    }
    limit(r, plan.around);
    return r;
}

tariff::content random_content(plan_wishes const& wishes, random_tariff const& plan,
                               std::uint8_t index) {
    tariff::content made;
    made.head.code = "plan " + std::to_string(index);
    made.head.time_zone = one_in(3) ? one_of(zone_names) : plan.zone;
    made.head.split_at_bands = !one_in(5);
    made.head.rounding_mode = {one_of(std::array{rounding_mode::up, rounding_mode::down,
                                                 rounding_mode::half_up, rounding_mode::half_even}),
                               static_cast<std::uint8_t>(between(0, 9))};
    for (int i = one_in(5) ? 0 : between(1, 5); i > 0; --i) {
        made.bands.push_back(random_band(plan.around));
    }
    for (int i = between(1, 14); i > 0; --i) {
        made.rates.push_back(random_rate(wishes, made, plan));
        made.rates.back().id.bytes[14] = index;
        made.rates.back().id.bytes[15] = static_cast<std::uint8_t>(i);
    }
    return made;
}

/// When a band of some plan begins or ends, by the clocks of that plan.
time_us an_edge(random_tariff const& subject) {
    auto const& plan = one_of(subject.plans);
    if (plan.bands.empty()) {
        return subject.around;
    }
    auto const& position = one_of(plan.bands);
    auto const* const zone = date::locate_zone(plan.head.time_zone);
    date::sys_time<std::chrono::microseconds> const around{
        std::chrono::microseconds{subject.around}};
    auto const day = date::floor<date::days>(zone->to_local(around));
    std::chrono::seconds const second{one_in(2) ? position.from_s : position.to_s};
    auto const edge = zone->to_sys(date::local_seconds{day} + second, date::choose::earliest);
    return edge.time_since_epoch().count() * us_per_s;
}

} // namespace

std::shared_ptr<tariff const> built_of(plan_chain const& plans) {
    std::shared_ptr<tariff const> behind;
    for (auto plan = plans.rbegin(); plan != plans.rend(); ++plan) {
        tariff::content content = *plan;
        content.fallback = std::move(behind);
        behind = std::make_shared<tariff const>(std::move(content));
    }
    return behind;
}

random_tariff random_plans(plan_wishes const& wishes) {
    random_tariff made;
    made.is_coarse = one_in(6);
    made.zone = one_of(zone_names);
    made.around = moment_around(made.zone);
    // Some chains are longer than the search goes; most plans have no fallback.
    int const more = one_in(2) ? 0 : between(0, 5);
    for (int i = 0; i <= more; ++i) {
        made.plans.push_back(random_content(wishes, made, static_cast<std::uint8_t>(i)));
    }
    made.built = built_of(made.plans);
    return made;
}

reference_call random_call(random_tariff const& target) {
    reference_call call;
    call.digits = one_of(numbers);
    call.direction = one_in(8) ? ingest::call_direction::inbound : ingest::call_direction::outbound;
    call.on_net = one_in(3);
    call.call_s = target.is_coarse
                      ? between<std::int64_t>(1, one_in(4) ? 7 * 24 * hour_s : 12 * hour_s)
                      : between<std::int64_t>(1, one_in(6) ? 900 : 90);
    std::int64_t const spread_s = target.is_coarse ? 12 * hour_s : 3 * hour_s;
    time_us const event = one_in(2) ? target.around : an_edge(target);
    call.answer = one_in(3) ? target.around + between<time_us>(-spread_s, spread_s) * us_per_s
                            : event - between<time_us>(0, call.call_s) * us_per_s;
    if (one_in(2)) {
        call.answer += between<time_us>(-us_per_s, us_per_s);
    }
    return call;
}

ingest::cdr cdr_of(reference_call const& call) {
    ingest::cdr made;
    made.destination = call.digits;
    made.direction = call.direction;
    made.start = call.answer - 5 * us_per_s;
    made.answer = call.answer;
    made.end = call.answer + call.call_s * us_per_s;
    made.billable_ms = made.billsec_ms = call.call_s * 1000;
    made.duration_ms = made.billsec_ms;
    return made;
}

} // namespace tally::rating::tests
