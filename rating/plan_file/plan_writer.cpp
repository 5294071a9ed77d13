#include "rating/plan_file/plan_writer.hpp"

#include "rating/plan/features.hpp"
#include "rating/plan/values.hpp"

#include <optional>

// Writes a plan as a file. Values that equal their default are omitted, so that the file shows only
// what the plan sets.

namespace tally::rating {

namespace {

class plan_writer {
  public:
    explicit plan_writer(plan_definition const& plan) : plan_(plan), zone_(plan.time_zone) {}

    std::string write() {
        write_head();
        for (auto const& each : plan_.bands) {
            write_band(each);
        }
        for (auto const& each : plan_.rates) {
            write_rate(each);
        }
        for (auto const& each : plan_.metrics) {
            write_metric(each);
        }
        return std::move(text_);
    }

  private:
    void write_head();
    void write_band(band const& one);
    void write_rate(rate const& one);
    void write_metric(metric_price const& one);
    void write_tiers(std::vector<price_tier> const& tiers);
    void write_span(ingest::time_us begin, ingest::time_us end);

    void raw(std::string_view key, std::string_view value) {
        text_.append(key).append(" = ").append(value).append("\n");
    }
    void text(std::string_view key, std::string_view value) { raw(key, toml_string(value)); }
    void text_if_any(std::string_view key, std::string_view value) {
        if (!value.empty()) {
            text(key, value);
        }
    }
    void number(std::string_view key, std::int64_t value, std::int64_t unless) {
        if (value != unless) {
            raw(key, std::to_string(value));
        }
    }
    void truth(std::string_view key, bool value, bool unless) {
        if (value != unless) {
            raw(key, value ? "true" : "false");
        }
    }
    /// An amount or a quantity.
    template <typename Value>
    void exact(std::string_view key, Value value, Value unless) {
        if (value != unless) {
            text(key, to_string(value));
        }
    }

    plan_definition const& plan_;
    plan_zone zone_;
    std::string text_;
};

void plan_writer::write_head() {
    plan_definition const defaults;
    text_ += "[plan]\n";
    // In the groups in which a person would write them. Currency, zone and rounding are written
    // even if they equal the defaults: they decide every amount.
    text_if_any("code", plan_.code);
    text_if_any("name", plan_.name);
    text_if_any("description", plan_.description);

    // Money and what is included.
    text("currency", plan_.currency);
    text("timezone", plan_.time_zone);
    text("monthly_price", to_string(plan_.monthly_price));
    if (plan_.annual_price) {
        text("annual_price", to_string(*plan_.annual_price));
    }
    number("included_minutes", plan_.included_minutes, 0);
    number("included_dids", plan_.included_dids, 0);
    if (plan_.max_concurrent_calls) {
        raw("max_concurrent_calls", std::to_string(*plan_.max_concurrent_calls));
    }

    // How the cost of a call is computed.
    text("rounding", name_of(rounding_names, plan_.rounding_mode.mode));
    raw("decimals", std::to_string(plan_.rounding_mode.decimals));
    truth("split_at_bands", plan_.split_at_bands, defaults.split_at_bands);

    // How the plan relates to others.
    text_if_any("fallback", plan_.fallback);
    text_if_any("tier", plan_.tier);
    if (plan_.billing_interval != defaults.billing_interval) {
        text("billing_interval", plan_.billing_interval);
    }
    number("display_order", plan_.display_order, defaults.display_order);
    if (!plan_.features.empty()) {
        raw("features", features_as_toml(plan_.features));
    }
}

void plan_writer::write_band(band const& one) {
    text_ += "\n[[band]]\n";
    text("name", one.name);

    // A list that is absent means every day, so an empty one is not written.
    std::string list;
    for (std::size_t day = 0; day < day_names.size(); ++day) {
        if ((one.days >> day & 1) != 0) {
            list.append(list.empty() ? "" : ", ").append(toml_string(day_names[day]));
        }
    }
    if (!list.empty()) {
        raw("days", "[" + list + "]");
    }

    // Seconds of the day become clock times.
    if (one.from_s != 0) {
        text("from", clock_text(one.from_s));
    }
    if (one.to_s != band::day_s) {
        text("to", clock_text(one.to_s));
    }

    list.clear();
    for (civil_day const day : one.dates) {
        list.append(list.empty() ? "" : ", ").append(toml_string(date_text(day)));
    }
    if (!list.empty()) {
        raw("dates", "[" + list + "]");
    }
    number("weight", one.weight, 0);
}

void plan_writer::write_span(ingest::time_us begin, ingest::time_us end) {
    if (begin != INT64_MIN) {
        text("effective_from", zone_.text_of(begin));
    }
    if (end != INT64_MAX) {
        text("effective_to", zone_.text_of(end));
    }
}

void plan_writer::write_rate(rate const& one) {
    rate const defaults;
    text_ += "\n[[rate]]\n";
    // Which calls the rate is for. The prefix is written even if it is empty: then it is every
    // number's.
    text("prefix", one.prefix);
    text_if_any("name", one.name);
    if (one.direction != defaults.direction) {
        text("direction", name_of(direction_names, one.direction));
    }
    if (one.band != any_band) {
        text("band", plan_.bands[one.band].name);
    }
    text_if_any("call_type", one.call_type);

    // What is charged beside the steps, and when.
    exact("connect_fee", one.connect_fee, defaults.connect_fee);
    exact("minimum", one.minimum, defaults.minimum);
    exact("maximum", one.maximum, defaults.maximum);
    number("grace_s", one.grace_s, 0);
    truth("allowance", one.allowance, false);
    truth("on_net", one.is_on_net, false);
    write_span(one.effective_from, one.effective_to);

    // One step on a line, each with all its members: a rate is read by its steps.
    text_ += "steps = [";
    for (auto const& step : one.steps) {
        text_.append(&step == one.steps.data() ? " " : ",\n          ");
        text_.append("{ from_s = ").append(std::to_string(step.from_s));
        text_.append(", price = ").append(toml_string(to_string(step.price)));
        text_.append(", unit_s = ").append(std::to_string(step.unit_s));
        text_.append(", increment_s = ").append(std::to_string(step.increment_s)).append(" }");
    }
    text_ += " ]\n";
}

void plan_writer::write_tiers(std::vector<price_tier> const& tiers) {
    if (tiers.empty()) {
        return;
    }
    text_ += "tiers = [";

    // One tier on a line. The last one has no up_to, and most have no flat fee.
    for (auto const& tier : tiers) {
        text_.append(&tier == tiers.data() ? " { " : ",\n          { ");
        if (tier.up_to) {
            text_.append("up_to = ").append(toml_string(to_string(*tier.up_to))).append(", ");
        }
        text_.append("price = ").append(toml_string(to_string(tier.price)));
        if (tier.flat != amount{}) {
            text_.append(", flat = ").append(toml_string(to_string(tier.flat)));
        }
        text_.append(" }");
    }
    text_ += " ]\n";
}

void plan_writer::write_metric(metric_price const& one) {
    metric_price const defaults;
    text_ += "\n[[metric]]\n";
    text("name", one.name);
    text_if_any("unit", one.unit);
    if (one.method != defaults.method) {
        text("aggregation", name_of(aggregation_names, one.method));
    }
    text_if_any("unique_property", one.unique_property);
    exact("included", one.included, defaults.included);

    // Only the keys of the model: read_plan refuses the others.
    text("model", name_of(model_names, one.model));
    if (one.model == price_model::per_unit || one.model == price_model::package) {
        text("price", to_string(one.price));
    }
    exact("package", one.package, defaults.package);
    if (one.model == price_model::percentage) {
        text("percent", to_string(one.percent));
    }
    write_tiers(one.tiers);

    exact("minimum", one.minimum, defaults.minimum);
    exact("maximum", one.maximum, defaults.maximum);
    write_span(one.effective_from, one.effective_to);
}

} // namespace

std::string write_plan(plan_definition const& plan) {
    return plan_writer{plan}.write();
}

} // namespace tally::rating
