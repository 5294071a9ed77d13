#include "rating/quote/quote.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

// Lines of questions, as `tallyd rate --carry` answers them one after another.

namespace {

using namespace tally::rating;

void require(bool holds, char const* text) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", text);
        std::abort();
    }
}

metric_price metric(char const* name, aggregation aggregation, price_model model) {
    metric_price price;
    price.name = name;
    price.method = aggregation;
    price.unique_property = "user";
    price.model = model;
    price.included = quantity{nanos_per_quantity};
    price.price = amount{100'000'001};
    price.percent = amount{2'500'000'000};
    price.package = quantity{3 * nanos_per_quantity};
    if (model == price_model::volume || model == price_model::graduated) {
        price.tiers = {{quantity{5 * nanos_per_quantity}, amount{1'000'000'000}, amount{7}},
                       {{}, amount{300'000'000}, {}}};
    }
    return price;
}

/// A plan with every kind of price, so that questions reach all code of the raters.
std::shared_ptr<tariff const> plan() {
    tariff::content content{};
    content.head.code = "fuzz";
    content.head.time_zone = "Europe/Berlin";
    content.head.included_s = 600;
    content.bands = {
        {.name = "night", .days = 0x7f, .from_s = 79'200, .to_s = 21'600, .dates = {}}};
    rate any;
    any.allowance = true;
    any.connect_fee = amount{5};
    any.steps = {{0, 60, 60, amount{200'000'000}}, {60, 60, 7, amount{-100'000'000}}};
    rate night = any;
    night.band = 0;
    night.steps.front().increment_s = 1;
    rate own = any;
    own.is_on_net = true;
    rate inbound = any;
    inbound.direction = tally::ingest::call_direction::inbound;
    content.rates = {any, night, own, inbound};
    content.metrics = {metric("sum", aggregation::sum, price_model::volume),
                       metric("count", aggregation::count, price_model::package),
                       metric("max", aggregation::max, price_model::graduated),
                       metric("unique", aggregation::unique, price_model::per_unit),
                       metric("latest", aggregation::latest, price_model::percentage)};
    return std::make_shared<tariff const>(std::move(content));
}

using period_key = std::pair<tally::ingest::time_us, std::string>;

struct totals {
    std::map<period_key, amount_sum> costs;
    std::map<tally::ingest::time_us, std::int64_t> allowance_s;
};

void check(call_question const& asked, quoter& key, totals& sums) {
    auto const quoted = key.quote(asked);
    auto const& rated = quoted.rated;
    require(rated.error == tally::ingest::record_error::none || quoted.pieces.empty(),
            "no charges with an error");
    std::int64_t seconds = 0;
    for (auto const& piece : quoted.pieces) {
        require(piece.begin_s == seconds && piece.seconds > 0, "pieces without gaps");
        seconds += piece.seconds;
    }
    require(seconds == rated.billed_s, "pieces are what is billed");
    auto& drawn_s = sums.allowance_s[quoted.period.start];
    drawn_s += rated.allowance_s;
    require(drawn_s <= 600 && rated.allowance_s <= rated.billed_s, "no more than is included");
}

void check(usage_question const& asked, quoter& key, totals& sums) {
    auto const quoted = key.quote(asked);
    if (quoted.fault.error != tally::ingest::record_error::none) {
        require(!quoted.fault.detail.empty(), "a reason");
        return;
    }
    auto& sum = sums.costs[{quoted.period.start, asked.metric}];
    sum += quoted.rated.cost;
    require(sum.nanos == quoted.period_cost.nanos, "events add up to the price of the period");
    require(quoted.rated.included_used <= quoted.price->included, "no more than is included");
}

void check_line(std::string_view line, question_reader& reader, quoter& key, totals& sums) {
    auto const question = reader.read(line);
    require(reader.read(line) == question, "the same question whatever was read before");
    if (auto const* const call = std::get_if<call_question>(&question)) {
        check(*call, key, sums);
    } else if (auto const* const event = std::get_if<usage_question>(&question)) {
        check(*event, key, sums);
    } else {
        auto const& fault = std::get<question_fault>(question);
        require(fault.error != tally::ingest::record_error::none && !fault.detail.empty(),
                "a reason");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static auto const tariff = plan();
    static question_reader reader{tariff->head().time_zone};
    quoter key{tariff, {.carry = true, .anchor = 30, .ours = nullptr}};
    totals sums;
    std::string_view input{reinterpret_cast<char const*>(data), size};
    while (!input.empty()) {
        auto const end = std::min(input.find('\n'), input.size());
        check_line(input.substr(0, end), reader, key, sums);
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    return 0;
}
