#include "daemon/quote/json.hpp"

#include "ingest/json/writer.hpp"
#include "rating/catalog/guide.hpp"
#include "rating/number/match_digits.hpp"

#include <array>
#include <functional>

namespace tally::daemon {
namespace {

using ingest::json_writer;
using ingest::record_error;

std::string_view view_of(std::array<char, 3> const& currency) noexcept {
    return {currency.data(), currency.size()};
}

void write(rating::charged_piece const& piece, json_writer& json) {
    json.open('{').key("band").value(piece.in_band == nullptr ? "any" : piece.in_band->name);
    json.key("from_s").value(piece.begin_s).key("seconds").value(piece.seconds);
    json.key("allowance_s").value(piece.allowance_s);
    json.key("price").value(to_string(piece.step.price));
    json.key("unit_s").value(piece.step.unit_s).key("increment_s").value(piece.step.increment_s);
    json.key("amount");
    if (piece.cost) {
        json.value(to_string(*piece.cost));
    } else {
        json.null(); // exceeds the range of an amount; the rate's maximum limits the total
    }
    json.close('}');
}

void write_rate(rating::rate const& rate, rating::tariff const& plan, json_writer& json) {
    json.key("matched_prefix").value(rate.prefix).key("name").value(rate.name);
    json.key("call_type").value(rate.call_type);
    if (auto const fallback = fallback_of(rate, plan)) {
        json.key("fallback_plan").value(*fallback);
    }
}

/// Whether any plan of the chain has a rate at the answer: then it ends during the call.
bool has_rate_at_begin(rating::call_question const& asked, bool on_net,
                       rating::tariff const& plan) {
    // As the rater looks: plan, then its fallbacks, with and without the rates for our own numbers.
    std::array<char, rating::prefix_index::digits_max> buffer;
    auto const digits = rating::match_digits(asked.destination, buffer);
    auto const* tariff_plan = &plan;
    for (int i = 0; tariff_plan != nullptr && i <= rating::tariff::fallbacks_max; ++i) {
        if (tariff_plan->find(digits, asked.direction, asked.answer) != nullptr ||
            (on_net && tariff_plan->find(digits, asked.direction, asked.answer, true) != nullptr)) {
            return true;
        }
        tariff_plan = tariff_plan->fallback();
    }
    return false;
}

} // namespace

std::optional<std::string> fallback_of(rating::rate const& rate, rating::tariff const& plan) {
    for (auto const* tariff_plan = plan.fallback(); tariff_plan != nullptr;
         tariff_plan = tariff_plan->fallback()) {
        // A rate belongs to the plan in whose array it is: it has no name of its plan.
        auto const rates = tariff_plan->rates();
        std::less<> const before;
        if (!before(&rate, rates.data()) && before(&rate, rates.data() + rates.size())) {
            return tariff_plan->head().code;
        }
    }
    return std::nullopt;
}

rating::question_fault fault_of(rating::call_question const& asked,
                                rating::call_quote const& quoted, rating::tariff const& plan) {
    // The reason alone does not tell a number without a rate from a rate that ends during the call.
    std::string detail{ingest::explain(quoted.rated.error)};
    if (quoted.rated.error == record_error::no_rate) {
        bool const inbound = asked.direction == ingest::call_direction::inbound;
        detail = has_rate_at_begin(asked, quoted.on_net, plan)
                     ? "the call extends into a time for which its prefix has no rate"
                     : std::string{"no "} + (inbound ? "inbound" : "outbound") +
                           " rate of the plan is in effect then for '" + asked.destination + "'";
    }
    return {quoted.rated.error, {}, detail};
}

std::string json_of(rating::question_fault const& fault) {
    json_writer json;
    json.open('{').key("error").value(ingest::code(fault.error));
    if (!fault.field.empty()) {
        json.key("field").value(fault.field);
    }
    return json.key("detail").value(fault.detail).close('}').text();
}

std::string json_of(rating::call_question const& asked, rating::call_quote const& quoted,
                    rating::tariff const& plan) {
    auto const& rated = quoted.rated;
    if (rated.error != record_error::none) {
        return json_of(fault_of(asked, quoted, plan));
    }
    json_writer json;

    // Amounts are texts: many readers of JSON take numbers for doubles, which lose digits.
    json.open('{').key("cost").value(to_string(rated.cost));
    json.key("currency").value(view_of(plan.head().currency));
    json.key("billed_s").value(rated.billed_s).key("allowance_s").value(rated.allowance_s);

    // Only a call that costs nothing may be rated without a rate.
    if (rated.charged_rate == nullptr) {
        json.key("matched_prefix").null();
    } else {
        write_rate(*rated.charged_rate, plan, json);
    }

    json.key("connect_fee").value(to_string(rated.connect_fee));
    json.key("rate_per_minute").value(to_string(rated.rate_per_minute));
    json.key("zero_rated").value(rated.zero_rated).key("on_net").value(quoted.on_net);

    json.key("steps").open('[');
    for (auto const& piece : quoted.pieces) {
        write(piece, json);
    }
    return json.close(']').close('}').text();
}

std::string json_of(rating::usage_question const& asked, rating::usage_quote const& quoted,
                    rating::tariff const& plan) {
    if (quoted.fault.error != record_error::none) {
        return json_of(quoted.fault);
    }
    auto const& rated = quoted.rated;
    json_writer json;
    json.open('{').key("cost").value(to_string(rated.cost));
    json.key("currency").value(view_of(plan.head().currency));
    json.key("metric").value(asked.metric).key("unit").value(quoted.price->unit);
    json.key("included_quantity").value(to_string(rated.included));
    json.key("billable_quantity").value(to_string(rated.billable));
    json.key("period_quantity").value(to_string(rated.after.total));
    json.key("period_included_quantity").value(to_string(rated.included_used));
    json.key("period_cost").value(to_string(quoted.period_cost));
    return json.close('}').text();
}

} // namespace tally::daemon
