#include "rating/plan_file/deck.hpp"

#include "ingest/text/csv_row.hpp"
#include "ingest/text/trim.hpp"
#include "rating/plan/rules.hpp"
#include "rating/plan_file/deck_columns.hpp"

#include <algorithm>
#include <unordered_map>

namespace tally::rating {

namespace {

using enum deck_column;

/// Number of line ends in a row. A line end is LF, CR LF or CR alone.
std::uint32_t lines_in(std::string_view row) noexcept {
    std::uint32_t lines = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        bool const is_first_half = row[i] == '\r' && i + 1 < row.size() && row[i + 1] == '\n';
        lines += (row[i] == '\n' || row[i] == '\r') && !is_first_half ? 1 : 0;
    }
    return lines;
}

/// Reads one deck, row by row. A row with from_s is a step: the first such row of a rate creates
/// the rate, and later ones add steps to it.
class deck_reader {
  public:
    deck_reader(plan_reader_state& state, std::uint32_t file) : state_(state), file_(file) {}

    void read(std::string_view text);

  private:
    void take_row();
    void take_whole_rate();
    void take_step();
    rate read_rate();
    void add_to(std::size_t index, rate const& row, rate_step step);
    void finish_stepped();
    void note(deck_column column, std::string const& text) {
        row_.problem(column, text, state_.problems);
    }

    amount money(deck_column column, amount fallback, bool may_be_negative = false);
    std::uint32_t whole(deck_column column, std::uint32_t fallback, std::uint32_t low);
    bool truth(deck_column column);
    std::string text(deck_column column);
    ingest::time_us moment(deck_column column, ingest::time_us fallback);

    plan_reader_state& state_;
    std::uint32_t file_;
    deck_row row_;
    std::unordered_map<std::string, std::size_t> stepped_; ///< key -> index into plan.rates
    // A deck has few distinct dates, and each needs a calendar lookup, so the last one is kept.
    std::string last_date_;
    ingest::time_us last_moment_ = 0;
};

amount deck_reader::money(deck_column column, amount fallback, bool may_be_negative) {
    auto const field = row_.text(column);
    if (field.empty()) {
        return fallback;
    }
    auto const value = parse_amount(field);
    if (!value) {
        note(column, "\"" + std::string{field} +
                         "\" is no amount: digits with a point, at most nine decimals");
    } else if (value->nanos < 0 && !may_be_negative) {
        note(column, "must not be negative");
    }
    return value.value_or(fallback);
}

std::uint32_t deck_reader::whole(deck_column column, std::uint32_t fallback, std::uint32_t low) {
    auto const field = row_.text(column);
    if (field.empty()) {
        return fallback;
    }
    auto const value = parse_whole(field, INT32_MAX);
    if (!value || *value < low) {
        note(column, "\"" + std::string{field} + "\" is not a whole number of seconds from " +
                         std::to_string(low) + " on");
    }
    return value.value_or(fallback);
}

bool deck_reader::truth(deck_column column) {
    // Spreadsheets and databases export flags in these ways, in upper or lower case.
    constexpr std::array<std::string_view, 5> yes{"true", "yes", "1", "t", "y"};
    constexpr std::array<std::string_view, 6> no{"", "false", "no", "0", "f", "n"};
    std::string word{row_.text(column)};
    std::ranges::transform(word, word.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    bool const is_yes = std::ranges::find(yes, word) != yes.end();
    if (!is_yes && std::ranges::find(no, word) == no.end()) {
        note(column, "\"" + word + "\" is neither true nor false");
    }
    return is_yes;
}

std::string deck_reader::text(deck_column column) {
    auto const field = row_.text(column);
    if (!is_plain_text(field, false)) {
        note(column, "must not contain line ends or control characters");
    }
    return std::string{field};
}

ingest::time_us deck_reader::moment(deck_column column, ingest::time_us fallback) {
    auto const field = row_.text(column);
    if (field.empty()) {
        return fallback;
    }

    // Neighboring rows nearly always have the same date.
    if (field != last_date_) {
        auto const value = state_.zone->parse(field);
        if (!value) {
            note(column, "\"" + std::string{field} +
                             "\" is neither a date such as 2026-01-31 nor a "
                             "time such as 2026-01-31T08:00:00Z");
            return fallback;
        }
        last_date_ = field;
        last_moment_ = *value;
    }
    return last_moment_;
}

/// Reads the rate of a row, without its steps.
rate deck_reader::read_rate() {
    // Each part has its fallback, so that reading goes on after a problem and finds the others.
    rate one;

    auto const digits = parse_prefix(row_.text(prefix));
    if (!digits) {
        note(prefix,
             "\"" + std::string{row_.text(prefix)} + "\" is not a prefix: at most 32 digits");
    }
    one.prefix = digits.value_or(std::string_view{});
    one.name = text(name);
    one.call_type = text(call_type);

    // Words that must be known: one that is mistyped would give the rate another meaning.
    auto const sense = row_.text(direction);
    auto const known = value_named(direction_names, sense);
    if (!sense.empty() && !known) {
        note(direction, "\"" + std::string{sense} + "\" is not " + listed(direction_names));
    }
    one.direction = known.value_or(one.direction);

    auto const index = band_named(state_.plan, row_.text(band));
    if (!index) {
        note(band, unknown_band(state_.plan, row_.text(band)));
    }
    one.band = index.value_or(any_band);

    // What is left out has the default of a [[rate]]: no fee, no bounds, no grace, always in
    // effect.
    one.connect_fee = money(connect_fee, {});
    one.minimum = money(minimum, {});
    one.maximum = money(maximum, amount{INT64_MAX});
    one.grace_s = whole(grace_s, 0, 0);
    one.allowance = truth(allowance);
    one.is_on_net = truth(on_net);
    one.effective_from = moment(effective_from, INT64_MIN);
    one.effective_to = moment(effective_to, INT64_MAX);
    return one;
}

void deck_reader::take_whole_rate() {
    // All fields are read before any decision: one pass over the file shows all its problems.
    std::size_t const before = state_.problems.count();
    rate one = read_rate();
    amount const per_unit = money(price, {}, true);
    std::uint32_t const unit = whole(unit_s, 60, 1);

    auto const lengths = parse_increments(row_.text(increments));
    if (row_.text(increments).empty()) {
        note(increments, "is missing: write 60/6 for a first increment of 60 s and then 6 s");
    } else if (!lengths) {
        note(increments, "\"" + std::string{row_.text(increments)} +
                             "\" is not like 60/6: the first and the next increment in seconds");
    } else {
        one.steps = steps_of_increments(lengths->first, lengths->second, unit, per_unit);
    }

    // A rate with a problem is not added, so that later checks do not report it again.
    if (state_.problems.count() == before) {
        state_.plan.rates.push_back(std::move(one));
        state_.rate_locations.push_back(row_.location_of(prefix));
    }
}

void deck_reader::take_step() {
    // A row with from_s is one step: "60/6" would be two.
    if (!row_.text(increments).empty()) {
        note(increments, "is not allowed in a row with from_s: write increment_s");
    }
    if (row_.text(increment_s).empty()) {
        note(increment_s, "is missing in a row with from_s");
    }
    rate one = read_rate();
    rate_step const step{whole(from_s, 0, 0), whole(unit_s, 60, 1), whole(increment_s, 60, 1),
                         money(price, {}, true)};

    // Steps with the same key belong to one rate, wherever they are in the deck.
    std::string key = one.prefix + '|' + std::to_string(one.band) + '|' +
                      std::to_string(one.effective_from) + '|' +
                      std::string{name_of(direction_names, one.direction)} +
                      (one.is_on_net ? "|on-net" : "");
    auto const [found, is_new] = stepped_.try_emplace(std::move(key), state_.plan.rates.size());
    if (!is_new) {
        add_to(found->second, one, step);
        return;
    }

    one.steps.push_back(step);
    state_.plan.rates.push_back(std::move(one));
    state_.rate_locations.push_back(row_.location_of(prefix));
}

/// Adds a further step to a rate. The other columns must be empty or equal to those of the rate's
/// first row.
void deck_reader::add_to(std::size_t index, rate const& row, rate_step step) {
    // Two rows that disagree on a fee would leave it open which one is charged.
    rate& one = state_.plan.rates[index];
    auto const differs = [&](deck_column column, bool is_same) {
        if (!row_.text(column).empty() && !is_same) {
            note(column, "differs from the rate's first row, at " +
                             state_.problems.text_of(state_.rate_locations[index],
                                                     row_.location_of(column)));
        }
    };

    differs(name, row.name == one.name);
    differs(call_type, row.call_type == one.call_type);
    differs(connect_fee, row.connect_fee == one.connect_fee);
    differs(minimum, row.minimum == one.minimum);
    differs(maximum, row.maximum == one.maximum);
    differs(grace_s, row.grace_s == one.grace_s);
    differs(allowance, row.allowance == one.allowance);
    differs(effective_to, row.effective_to == one.effective_to);

    // Rows may be in any order; the steps of a rate are in the order of from_s.
    auto const found = std::ranges::lower_bound(one.steps, step.from_s, {}, &rate_step::from_s);
    if (found != one.steps.end() && found->from_s == step.from_s) {
        note(from_s, "the rate already has a step that begins at this second");
        return;
    }
    one.steps.insert(found, step);
}

void deck_reader::take_row() {
    // A rate without a price would be free, so the column may not be empty.
    if (row_.text(price).empty()) {
        note(price, "is missing");
    } else if (!row_.text(from_s).empty()) {
        take_step();
    } else if (!row_.text(increment_s).empty()) {
        note(from_s, "is missing in a row with increment_s");
    } else {
        take_whole_rate();
    }
}

void deck_reader::read(std::string_view rest) {
    bool has_header = false;
    rest = ingest::strip_bom(rest);
    for (std::uint32_t line = 1; !rest.empty();) {
        // A row may contain line ends in quotes, so it is longer than a line.
        std::string_view const whole_row = rest.substr(0, ingest::csv_row_length(rest, true));
        rest.remove_prefix(whole_row.size());

        std::string_view row = whole_row;
        while (!row.empty() && (row.back() == '\n' || row.back() == '\r')) {
            row.remove_suffix(1);
        }

        // Problems name the line on which the row begins.
        plan_location const location{file_, line, 1};
        line += lines_in(whole_row);
        if (ingest::trimmed(row).empty()) {
            continue;
        }

        // Without a header no field can be read: one problem, not one for each row.
        if (!has_header) {
            has_header = row_.take_header(row, location, state_.problems);
            if (!has_header) {
                return;
            }
        } else if (row_.take(row, location, state_.problems)) {
            take_row();
        }
    }
    if (!has_header) {
        state_.problems.add({file_, 1, 1}, "the deck is empty: its first line names the columns");
    }
}

} // namespace

void read_deck(std::string_view text, std::string_view name, plan_reader_state& state) {
    std::size_t const first = state.plan.rates.size();
    std::size_t const before = state.problems.count();
    deck_reader{state, state.problems.add_file(name)}.read(text);
    if (state.problems.count() > before) {
        return; // the checks below would report the same faults again
    }

    for (std::size_t i = first; i < state.plan.rates.size(); ++i) {
        if (auto const fault = fault_of(state.plan.rates[i])) {
            state.problems.add(state.rate_locations[i], *fault);
        }
    }
}

} // namespace tally::rating
