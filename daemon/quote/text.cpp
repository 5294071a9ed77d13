#include "daemon/quote/text.hpp"

#include "daemon/cli/table_printer.hpp"
#include "daemon/quote/band_text.hpp"
#include "daemon/quote/json.hpp"
#include "rating/catalog/guide.hpp"
#include "rating/number/match_digits.hpp"

#include <array>

namespace tally::daemon {
namespace {

using ingest::record_error;
using rating::amount;

/// Lines with a label and a text. Further lines of the same label have an empty label.
class word_lines {
  public:
    void add(std::string_view label, std::string const& text) {
        text_ += label;
        text_.append(label.size() < label_width ? label_width - label.size() : 1, ' ');
        text_ += printable(text) + '\n';
    }
    [[nodiscard]] std::string take() && noexcept { return std::move(text_); }

  private:
    static constexpr std::size_t label_width = 11;
    std::string text_;
};

std::string currency_of(rating::tariff const& plan) {
    return {plan.head().currency.data(), plan.head().currency.size()};
}

std::string rounding_text(rating::rounding rounding) {
    constexpr std::array<char const*, 4> names{"up", "down", "half up", "half to even"};
    return std::string{"rounded "} + names[static_cast<std::size_t>(rounding.mode)] + " to " +
           std::to_string(rounding.decimals) + (rounding.decimals == 1 ? " decimal" : " decimals");
}

std::string digits_of(std::string const& number) {
    std::array<char, rating::prefix_index::digits_max> buffer;
    return std::string{rating::match_digits(number, buffer)};
}

void add_call(rating::call_question const& asked, rating::call_quote const& quoted,
              rating::tariff const& plan, word_lines& lines) {
    bool const inbound = asked.direction == ingest::call_direction::inbound;
    std::string text = (inbound ? "inbound to " : "outbound to ") + asked.destination;
    text += asked.caller.empty() ? "" : " from " + asked.caller;
    text += quoted.on_net ? ", one of our own numbers" : "";
    lines.add("Call", text);

    // The moment of the answer decides the band, so it is the one to show.
    bool const answered = asked.answer != ingest::never_us;
    auto const& zone = plan.head().time_zone;
    lines.add(answered ? "Answered" : "Began",
              local_time_text(answered ? asked.answer : asked.start, zone) + " in " + zone);
    lines.add("Plan", plan.head().code);
}

void add_rate(rating::call_question const& asked, rating::rate const& rate,
              rating::tariff const& plan, word_lines& lines) {
    std::string text;
    if (rate.prefix.empty()) {
        text = "the plan's rate for every number";
    } else {
        text =
            rate.prefix + ", the longest of the plan's that begins " + digits_of(asked.destination);
    }

    if (auto const fallback = fallback_of(rate, plan)) {
        text += ", in the fallback plan " + *fallback;
    }
    text += rate.name.empty() ? "" : "; " + rate.name;
    text += rate.call_type.empty() ? "" : " (" + rate.call_type + ")";
    text += rate.is_on_net ? ", for our own numbers" : "";
    lines.add("Prefix", text);
}

/// Which band holds when, because a call may cross from one into another.
void add_bands(std::vector<rating::charged_piece> const& pieces, word_lines& lines) {
    rating::band const* last = nullptr;
    bool is_first = true;
    for (auto const& piece : pieces) {
        // A step is a piece as well; only a change of the band is worth a line.
        if (!is_first && piece.in_band == last) {
            continue;
        }

        std::string const text = piece.in_band == nullptr
                                     ? "any time: no band of this prefix is heavier"
                                     : band_text(*piece.in_band) + ": the heaviest that holds";
        std::string const time =
            is_first ? " when the call begins" : " from second " + std::to_string(piece.begin_s);
        lines.add(is_first ? "Band" : "", text + (piece.in_band == nullptr ? "" : time));
        last = piece.in_band;
        is_first = false;
    }
}

std::string piece_text(rating::charged_piece const& piece) {
    // A piece may be drawn in part from the included seconds; only the rest has a price.
    auto const charged_s = piece.seconds - piece.allowance_s;
    std::string text = "from second " + std::to_string(piece.begin_s) + ": ";
    if (piece.allowance_s > 0) {
        text += std::to_string(piece.allowance_s) + " s from the included minutes";
        text += charged_s > 0 ? ", " : "";
    }
    if (charged_s > 0) {
        text += std::to_string(charged_s) + " s at " + to_string(piece.step.price) + " per " +
                std::to_string(piece.step.unit_s) + " s, in increments of " +
                std::to_string(piece.step.increment_s) +
                " s = " + (piece.cost ? to_string(*piece.cost) : "more than can be written");
    }
    return text;
}

/// The sum of the pieces and the fee, before minimum, maximum and rounding.
rating::amount_sum sum_of(rating::call_quote const& quoted) {
    rating::amount_sum sum;
    sum += quoted.rated.connect_fee;
    for (auto const& piece : quoted.pieces) {
        // More than an amount can hold: the maximum of the rate bounds it, and here it only has to
        // be larger.
        sum += piece.cost.value_or(amount{INT64_MAX});
    }
    return sum;
}

void add_bounds(rating::call_quote const& quoted, word_lines& lines) {
    // At most one of the two bounds applies, and a bound that does not is not mentioned.
    rating::rate const& rate = *quoted.rated.charged_rate;
    auto const sum = sum_of(quoted);
    lines.add("Sum", to_string(sum));
    if (rate.maximum.nanos != INT64_MAX && sum.nanos > rate.maximum.nanos) {
        lines.add("Maximum", to_string(rate.maximum) + " per call: no more is charged");
    } else if (rate.minimum.nanos != 0 && sum.nanos < rate.minimum.nanos) {
        lines.add("Minimum", to_string(rate.minimum) + " per call: no less is charged");
    }
}

void add_charges(rating::call_question const& asked, rating::call_quote const& quoted,
                 word_lines& lines) {
    auto const& rated = quoted.rated;
    for (auto const& piece : quoted.pieces) {
        lines.add(&piece == &quoted.pieces.front() ? "Steps" : "", piece_text(piece));
    }

    lines.add("Billed", std::to_string(rated.billed_s) + " s in whole increments; the call had " +
                            std::to_string((asked.billable_ms + 999) / 1000) + " s");
    if (rated.charged_rate->allowance) {
        auto const left_s = quoted.before.included_s - quoted.before.used_s - rated.allowance_s;
        lines.add("Allowance", std::to_string(rated.allowance_s) + " s drawn, " +
                                   std::to_string(std::max<std::int64_t>(left_s, 0)) + " of " +
                                   std::to_string(quoted.before.included_s) +
                                   " s left in the billing period");
    }

    // A call that the included minutes cover has no fee either.
    if (rated.allowance_s == rated.billed_s) {
        lines.add("Fee", "none: the included minutes cover the whole call");
        return;
    }
    lines.add("Fee", rated.connect_fee.nanos == 0
                         ? "none"
                         : to_string(rated.connect_fee) + " once, for the connection");
    add_bounds(quoted, lines);
}

} // namespace

std::string words_of(rating::call_question const& asked, rating::call_quote const& quoted,
                     rating::tariff const& plan) {
    auto const& rated = quoted.rated;
    word_lines lines;

    // The explanation follows the computation: the call, the rate that was found, bands, steps,
    // sum.
    add_call(asked, quoted, plan, lines);
    if (rated.error != record_error::none) {
        auto const fault = fault_of(asked, quoted, plan);
        lines.add("Not rated", std::string{ingest::code(fault.error)} + ": " + fault.detail);
        return std::move(lines).take();
    }

    std::string cost = to_string(rated.cost) + ' ' + currency_of(plan);
    if (rated.charged_rate != nullptr) {
        add_rate(asked, *rated.charged_rate, plan, lines);
    }

    // The three ways to cost nothing, or the sum in full.
    if (rated.zero_rated) {
        cost += ": the call was not answered, or lasted no time";
    } else if (quoted.pieces.empty()) {
        cost += ": an answered call of up to " + std::to_string(rated.charged_rate->grace_s) +
                " s is free";
    } else {
        add_bands(quoted.pieces, lines);
        add_charges(asked, quoted, lines);
        cost += ", " + rounding_text(plan.head().rounding_mode) + ", once";
    }
    lines.add("Cost", cost);
    return std::move(lines).take();
}

std::string words_of(rating::usage_question const& asked, rating::usage_quote const& quoted,
                     rating::tariff const& plan) {
    word_lines lines;
    auto const& zone = plan.head().time_zone;
    lines.add("Event", (asked.value ? to_string(*asked.value) + " of " : "") + asked.metric + ", " +
                           local_time_text(asked.time, zone) + " in " + zone);
    lines.add("Plan", plan.head().code);
    if (quoted.fault.error != record_error::none) {
        lines.add("Not rated", std::string{ingest::code(quoted.fault.error)} + ": " +
                                   (quoted.fault.field.empty() ? "" : quoted.fault.field + ": ") +
                                   quoted.fault.detail);
        return std::move(lines).take();
    }

    // A metric is priced over its billing period, so one event's cost depends on those before it.
    lines.add("Period", to_string(quoted.before.total) + " before, " +
                            to_string(quoted.rated.after.total) + " with it, of which " +
                            to_string(quoted.rated.included_used) + " included");
    lines.add("Billable", to_string(quoted.rated.billable) + " of this event");
    lines.add("Cost", to_string(quoted.rated.cost) + ' ' + currency_of(plan) +
                          ": the period costs " + to_string(quoted.period_cost) + " with it, " +
                          rounding_text(plan.head().rounding_mode));
    return std::move(lines).take();
}

} // namespace tally::daemon
