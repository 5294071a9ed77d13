#include "rating/plan_file/head.hpp"

#include "rating/plan/features.hpp"

#include <sstream>

// [plan]: what the plan is, and how it rounds.

namespace tally::rating {

namespace {

constexpr std::array<std::string_view, 18> head_keys{"code",
                                                     "name",
                                                     "description",
                                                     "currency",
                                                     "timezone",
                                                     "monthly_price",
                                                     "annual_price",
                                                     "included_minutes",
                                                     "included_dids",
                                                     "rounding",
                                                     "max_concurrent_calls",
                                                     "decimals",
                                                     "split_at_bands",
                                                     "fallback",
                                                     "features",
                                                     "tier",
                                                     "display_order",
                                                     "billing_interval"};

/// The database stores a plan's prices as numeric(20, 6).
constexpr std::int64_t nanos_per_kept_unit = 1'000;

constexpr std::size_t code_characters_max = 63;

bool is_code(std::string_view code) {
    // The same characters as in the CHECK of billing.rate_plans.
    constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::string_view others = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    return !code.empty() && code.size() <= code_characters_max &&
           first.find(code[0]) != std::string_view::npos &&
           code.find_first_not_of(others) == std::string_view::npos;
}

void read_codes(plan_table& head, plan_definition& plan) {
    constexpr auto rule =
        "lowercase letters, digits, _ . and -, at most 63, a letter or digit first";
    plan.code = head.text("code");
    if (head.has("code") && !is_code(plan.code)) {
        head.problem("code", rule);
    }

    // The name is for people; without one, the code is shown.
    plan.name = head.text("name", plan.code);
    if (plan.name.empty() && head.has("name")) {
        head.problem("name", "must not be empty");
    }
    plan.description = head.text("description", {}, true);

    // Whether the plan of that code exists, and has this currency, is checked by the store.
    plan.fallback = head.text("fallback");
    if (!plan.fallback.empty() && !is_code(plan.fallback)) {
        head.problem("fallback", std::string{"must be another plan's code: "} + rule);
    } else if (!plan.fallback.empty() && plan.fallback == plan.code) {
        head.problem("fallback", "a plan cannot be its own fallback");
    }

    // Both are types of the database, and rating does not use them.
    plan.tier = head.text("tier");
    if (!plan.tier.empty() && std::ranges::find(tier_names, plan.tier) == tier_names.end()) {
        head.problem("tier", "\"" + plan.tier + "\" is not " + listed(tier_names));
    }
    plan.billing_interval = head.text("billing_interval", plan.billing_interval);
    if (std::ranges::find(interval_names, plan.billing_interval) == interval_names.end()) {
        head.problem("billing_interval",
                     "\"" + plan.billing_interval + "\" is not " + listed(interval_names));
    }
}

std::optional<amount> read_price(plan_table& head, std::string_view key) {
    auto const price = head.money(key);
    if (price && price->nanos % nanos_per_kept_unit != 0) {
        head.problem(key, "has more than six decimals");
    }
    return price;
}

void read_money(plan_table& head, plan_definition& plan) {
    plan.currency = head.text("currency", plan.currency);
    if (plan.currency.size() != 3 ||
        plan.currency.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos) {
        head.problem("currency", "must be three capital letters (ISO 4217), such as \"INR\"");
    }
    plan.monthly_price = read_price(head, "monthly_price").value_or(amount{});
    plan.annual_price = read_price(head, "annual_price");
    plan.rounding_mode.mode = head.choice("rounding", rounding_names, plan.rounding_mode.mode);
    plan.rounding_mode.decimals =
        static_cast<std::uint8_t>(head.whole("decimals", plan.rounding_mode.decimals, 0, 9));
}

void read_numbers(plan_table& head, plan_definition& plan) {
    plan.included_minutes =
        static_cast<std::int32_t>(head.whole("included_minutes", 0, 0, INT32_MAX));
    plan.included_dids = static_cast<std::int32_t>(head.whole("included_dids", 0, 0, INT32_MAX));

    // Absent means no limit, which 0 could not say.
    if (head.has("max_concurrent_calls")) {
        plan.max_concurrent_calls =
            static_cast<std::int32_t>(head.whole("max_concurrent_calls", 1, 1, INT32_MAX));
    }
    plan.display_order =
        static_cast<std::int32_t>(head.whole("display_order", 0, INT32_MIN, INT32_MAX));
    plan.split_at_bands = head.truth("split_at_bands", plan.split_at_bands);
}

void read_zone(plan_table& head, plan_reader_state& state) {
    plan_definition& plan = state.plan;
    plan.time_zone = head.text("timezone", plan.time_zone);
    try {
        state.zone.emplace(plan.time_zone);
    } catch (std::invalid_argument const&) {
        head.problem("timezone", "there is no time zone \"" + plan.time_zone +
                                     "\" (IANA names: Asia/Kolkata, Europe/Berlin, UTC)");
    }
}

void read_features(plan_table& head, plan_definition& plan) {
    auto const* const node = head.node("features");
    if (node == nullptr) {
        return;
    }

    // Both forms become the same canonical JSON, so that they compare equal.
    std::string json;
    if (auto const* table = node->as_table()) {
        std::ostringstream text;
        text << toml::json_formatter{*table};
        json = std::move(text).str();
    } else {
        json = head.text("features", {}, true);
    }
    auto canonical = canonical_features(json);
    if (!canonical) {
        head.problem("features", "must be a table, or a JSON object as text");
    }
    plan.features = std::move(canonical).value_or(std::string{});
}

} // namespace

void read_plan_head(toml::table const& root, plan_reader_state& state) {
    auto const* const table = root["plan"].as_table();
    if (table == nullptr) {
        state.problems.add({state.file, 1, 1}, "there is no [plan]: it names the plan");
        return;
    }
    plan_table head{*table, "[plan]", head_keys, state.problems, state.file};
    read_codes(head, state.plan);
    read_money(head, state.plan);
    read_numbers(head, state.plan);
    read_zone(head, state);
    read_features(head, state.plan);
}

} // namespace tally::rating
