#include "daemon/plan/report.hpp"

#include "daemon/cli/table_printer.hpp"
#include "ingest/json/writer.hpp"
#include "rating/plan/values.hpp"

#include <ostream>

namespace tally::daemon {
namespace {

using ingest::json_writer;
using rating::amount;

/// One line of a difference: a rate or a metric that is added, ended or dropped.
struct change_row {
    std::string change; ///< "new", "ends", "dropped", "renamed"
    std::string text;   ///< "rate", "metric"
    std::string key;    ///< prefix or name
    std::string name;
    std::string direction;
    std::string band;
    std::string terms;
    std::string begin;
    std::string until;
};

/// "60/6" when the steps are exactly those of such increments; else empty.
std::string increments_of(std::vector<rating::rate_step> const& steps) {
    auto const first = steps.front().increment_s;
    auto const next = steps.back().increment_s;
    auto const same =
        rating::steps_of_increments(first, next, steps[0].unit_s, steps[0].price) == steps;
    return same ? std::to_string(first) + "/" + std::to_string(next) : std::string{};
}

/// The price of a rate in one cell, as it would be said.
std::string terms_of(rating::rate const& one) {
    std::string text;

    // In the short form that people write, if the steps have it; else step by step.
    if (auto const increments = increments_of(one.steps); !increments.empty()) {
        text = to_string(one.steps[0].price) + " per " + std::to_string(one.steps[0].unit_s) +
               " s, " + increments;
    } else {
        for (auto const& step : one.steps) {
            text += (text.empty() ? "" : "; ") + std::string{"from "} +
                    std::to_string(step.from_s) + " s " + to_string(step.price) + " per " +
                    std::to_string(step.unit_s) + " s by " + std::to_string(step.increment_s);
        }
    }

    // Only the terms that differ from their default.
    auto const add = [&text](std::string_view words, amount value, amount unless) {
        if (value != unless) {
            text.append(", ").append(words).append(" ").append(to_string(value));
        }
    };
    add("fee", one.connect_fee, {});
    add("minimum", one.minimum, {});
    add("maximum", one.maximum, amount{INT64_MAX});
    text += one.grace_s == 0 ? "" : ", grace " + std::to_string(one.grace_s) + " s";
    return text + (one.allowance ? ", allowance" : "");
}

/// In the words of a plan file, so that an operator finds the line to change.
std::string terms_of(rating::metric_price const& one) {
    std::string text{rating::name_of(rating::model_names, one.model)};

    // Each model has its own terms: a percentage, tiers, or one price.
    if (one.model == rating::price_model::percentage) {
        text += " " + to_string(one.percent) + " %";
    } else if (one.tiers.empty()) {
        text += " " + to_string(one.price);
    }
    for (auto const& tier : one.tiers) {
        text += (&tier == one.tiers.data() ? " " : ", ") + to_string(tier.price) +
                (tier.up_to ? " up to " + to_string(*tier.up_to) : " beyond");
    }
    return one.included.nanos == 0 ? text : text + ", included " + to_string(one.included);
}

class row_collector {
  public:
    row_collector(rating::plan_definition const& plan, rating::plan_difference const& changes)
        : changes_(changes), zone_(plan.time_zone) {}

    /// At most `max` rows; `more` counts the others.
    std::vector<change_row> collect(std::size_t max, std::size_t& more) {
        max_ = max;
        collect(changes_.rates);
        collect(changes_.metrics);
        more = more_;
        return std::move(rows_);
    }

  private:
    template <typename Version>
    void collect(rating::version_changes<Version> const& changes) {
        // What goes before what comes: a changed rate is an end and a new one.
        for (auto const& each : changes.ended) {
            add("ends", each.before, each.before.effective_from, each.end);
        }
        for (auto const& each : changes.removed) {
            add("dropped", each, each.effective_from, each.effective_to);
        }
        for (auto const& each : changes.added) {
            add("new", each, each.effective_from, each.effective_to);
        }
    }

    template <typename Version>
    void add(char const* change, Version const& one, ingest::time_us begin, ingest::time_us until) {
        // Counted, not built: a deck may have 100,000 rates.
        if (rows_.size() == max_) {
            ++more_;
            return;
        }
        change_row row = row_of(one);
        row.change = change;
        row.terms = terms_of(one);

        // In the plan's time zone, in which the file was written.
        row.begin = begin == INT64_MIN ? "" : zone_.text_of(begin);
        row.until = until == INT64_MAX ? "" : zone_.text_of(until);
        rows_.push_back(std::move(row));
    }

    [[nodiscard]] change_row row_of(rating::rate const& one) const {
        change_row row;
        row.text = one.is_on_net ? "on-net rate" : "rate";
        row.key = one.prefix;
        row.name = one.name;
        row.direction = rating::name_of(rating::direction_names, one.direction);
        row.band = one.band == rating::any_band ? "any" : changes_.bands[one.band].name;
        return row;
    }

    static change_row row_of(rating::metric_price const& one) {
        change_row row;
        row.text = "metric";
        row.key = one.name;
        row.name = one.unit;
        return row;
    }

    rating::plan_difference const& changes_;
    rating::plan_zone zone_;
    std::size_t max_ = 0;
    std::size_t more_ = 0;
    std::vector<change_row> rows_;
};

/// The changes of the bands: {"new", "peak"}, {"changed", "night"}.
std::vector<std::pair<char const*, std::string>>
band_changes(rating::plan_difference const& changes) {
    std::vector<std::pair<char const*, std::string>> all;

    // Bands of the database come first in the list, so those behind them are new.
    for (std::size_t index = changes.stored_bands; index < changes.bands.size(); ++index) {
        all.emplace_back("new", changes.bands[index].name);
    }
    for (auto const slot_index : changes.changed_bands) {
        all.emplace_back("changed", changes.bands[slot_index].name);
    }
    for (auto const row_index : changes.removed_bands) {
        all.emplace_back("dropped", changes.bands[row_index].name);
    }
    return all;
}

void print_rows(std::ostream& out, std::vector<change_row> const& rows, std::size_t more) {
    if (rows.empty()) {
        return;
    }
    table_printer table{{{"change"},
                         {"what"},
                         {"prefix or metric"},
                         {"direction"},
                         {"band"},
                         {"name"},
                         {"price"},
                         {"from"},
                         {"until"}}};

    for (auto const& row : rows) {
        table.add({row.change, row.text, row.key, row.direction, row.band, row.name, row.terms,
                   row.begin, row.until});
    }

    table.print(out);
    if (more > 0) {
        out << "and " << grouped(more) << " more; --json has all\n";
    }
}

} // namespace

/// The head and the bands line by line, since they are few; rates as a table.
void print_difference(std::ostream& out, rating::plan_definition const& plan,
                      rating::plan_difference const& changes) {
    out << "plan " << plan.code << ": "
        << (changes.is_new    ? "new\n"
            : changes.empty() ? "nothing to change\n"
                              : "changed\n");

    for (auto const& each : changes.head) {
        out << "  " << each.text << ": " << printable(each.before) << " -> "
            << printable(each.after) << '\n';
    }
    for (auto const& [change, name] : band_changes(changes)) {
        out << "  band " << printable(name) << ": " << change << '\n';
    }

    // A new or dropped band changes the order as well, which is then not worth a line.
    if (changes.is_reordered && changes.bands.size() == changes.stored_bands) {
        out << "  bands: in another order\n";
    }
    if (auto const names = changes.rates.renamed.size(); names > 0) {
        out << "  names of rates: " << grouped(names) << '\n';
    }

    std::size_t more = 0;
    auto const rows = row_collector{plan, changes}.collect(plan_rows_shown_max, more);
    print_rows(out, rows, more);
}

std::string difference_json(rating::plan_definition const& plan,
                            rating::plan_difference const& changes) {
    json_writer out;
    out.open('{').key("plan").value(plan.code).key("new").value(changes.is_new);
    out.key("changed").value(!changes.empty()).key("head").open('[');
    for (auto const& each : changes.head) {
        out.open('{').key("key").value(each.text).key("before").value(each.before);
        out.key("after").value(each.after).close('}');
    }

    out.close(']').key("bands").open('[');
    for (auto const& [change, name] : band_changes(changes)) {
        out.open('{').key("change").value(change).key("band").value(name).close('}');
    }

    out.close(']').key("bands_reordered").value(changes.is_reordered);
    out.key("renamed").value(changes.rates.renamed.size()).key("changes").open('[');
    std::size_t more = 0;

    // All rows, unlike the table: a script has no screen to fill.
    for (auto const& row : row_collector{plan, changes}.collect(SIZE_MAX, more)) {
        out.open('{').key("change").value(row.change).key("what").value(row.text);
        out.key(row.text == "metric" ? "metric" : "prefix").value(row.key);
        for (auto const& [key, value] : {std::pair{"direction", &row.direction},
                                         {"band", &row.band},
                                         {"name", &row.name},
                                         {"price", &row.terms},
                                         {"from", &row.begin},
                                         {"until", &row.until}}) {
            if (!value->empty()) {
                out.key(key).value(*value);
            }
        }
        out.close('}');
    }
    return out.close(']').close('}').text();
}

void print_plans(std::ostream& out, std::span<storage::plan_summary const> plans) {
    table_printer table{{{"code"},
                         {"name"},
                         {"monthly", table_align::right},
                         {"currency"},
                         {"rates", table_align::right},
                         {"metrics", table_align::right},
                         {"subscriptions", table_align::right},
                         {"state"}}};

    for (auto const& each : plans) {
        table.add({each.code, each.name, each.monthly_price, each.currency,
                   grouped(static_cast<std::uint64_t>(each.rates)),
                   grouped(static_cast<std::uint64_t>(each.metrics)),
                   grouped(static_cast<std::uint64_t>(each.subscriptions)),
                   each.is_active ? "active" : "inactive"});
    }
    table.print(out);
}

std::string plan_json(storage::plan_summary const& plan) {
    json_writer out;
    out.open('{').key("code").value(plan.code).key("name").value(plan.name);
    out.key("currency").value(plan.currency).key("monthly_price").value(plan.monthly_price);
    out.key("rates").value(plan.rates).key("metrics").value(plan.metrics);
    out.key("subscriptions").value(plan.subscriptions).key("is_active").value(plan.is_active);
    return out.close('}').text();
}

std::string problem_json(rating::plan_problem const& problem) {
    json_writer out;
    out.open('{').key("file").value(problem.file).key("line").value(problem.line);
    out.key("column").value(problem.column).key("what").value(problem.text);
    return out.close('}').text();
}

} // namespace tally::daemon
