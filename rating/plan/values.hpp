#pragma once

#include "rating/clock/calendar.hpp"
#include "rating/money/money.hpp"
#include "rating/tariff/metric_price.hpp"
#include "rating/tariff/tariff.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tally::rating {

/// The word for a value in plan files, decks and the database.
template <typename Value>
struct value_name {
    std::string_view name;
    Value value;
};

inline constexpr std::array<value_name<rounding_mode>, 4> rounding_names{
    {{"up", rounding_mode::up},
     {"down", rounding_mode::down},
     {"half_up", rounding_mode::half_up},
     {"half_even", rounding_mode::half_even}}};
inline constexpr std::array<value_name<ingest::call_direction>, 2> direction_names{
    {{"outbound", ingest::call_direction::outbound}, {"inbound", ingest::call_direction::inbound}}};
inline constexpr std::array<value_name<aggregation>, 5> aggregation_names{
    {{"sum", aggregation::sum},
     {"count", aggregation::count},
     {"max", aggregation::max},
     {"unique", aggregation::unique},
     {"latest", aggregation::latest}}};
inline constexpr std::array<value_name<price_model>, 5> model_names{
    {{"per_unit", price_model::per_unit},
     {"package", price_model::package},
     {"graduated", price_model::graduated},
     {"volume", price_model::volume},
     {"percentage", price_model::percentage}}};
/// The values of billing.plan_tier and billing.billing_interval. Rating does not use them.
inline constexpr std::array<std::string_view, 7> tier_names{
    "free", "starter", "pro", "professional", "call_center", "enterprise", "custom"};
inline constexpr std::array<std::string_view, 4> interval_names{"monthly", "yearly", "lifetime",
                                                                "none"};
/// By the bits of band::days.
inline constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu",
                                                           "fri", "sat", "sun"};

template <typename Value, std::size_t Count>
std::optional<Value> value_named(std::array<value_name<Value>, Count> const& names,
                                 std::string_view name) noexcept {
    for (auto const& each : names) {
        if (each.name == name) {
            return each.value;
        }
    }
    return std::nullopt;
}

template <typename Value, std::size_t Count>
std::string_view name_of(std::array<value_name<Value>, Count> const& names, Value value) noexcept {
    for (auto const& each : names) {
        if (each.value == value) {
            return each.name;
        }
    }
    return {};
}

/// "one of up, down": for messages.
std::string listed(std::span<std::string_view const> names);
template <typename Value, std::size_t Count>
std::string listed(std::array<value_name<Value>, Count> const& names) {
    std::array<std::string_view, Count> words;
    for (std::size_t i = 0; i < Count; ++i) {
        words[i] = names[i].name;
    }
    return listed(words);
}

/// The name that is nearest to a mistyped one; empty when none is near.
std::string_view nearest_of(std::string_view mistyped, std::span<std::string_view const> names);

/// "08:00", "08:00:30", "24:00": seconds of the day.
std::optional<std::int32_t> parse_clock(std::string_view text) noexcept;
std::string clock_text(std::int32_t second_of_day);

/// "2026-01-26".
std::optional<civil_day> parse_date(std::string_view text) noexcept;
std::string date_text(civil_day day);

/// "60/6": the first increment and the following ones, in seconds, both positive. "60" is "60/60".
std::optional<std::pair<std::uint32_t, std::uint32_t>>
parse_increments(std::string_view text) noexcept;

/// Digits only, at most max.
std::optional<std::uint32_t> parse_whole(std::string_view text, std::uint32_t max) noexcept;

/// A number prefix: at most 32 digits. A leading '+' is dropped.
std::optional<std::string_view> parse_prefix(std::string_view text) noexcept;

/// The steps that `60/6` means at one price.
std::vector<rate_step> steps_of_increments(std::uint32_t first_s, std::uint32_t next_s,
                                           std::uint32_t unit_s, amount price);

/// Whether every part of the product can store the text: valid UTF-8 without control characters;
/// with `many_lines` line ends and tabs are allowed.
bool is_plain_text(std::string_view text, bool many_lines) noexcept;

/// A plan's time zone. A date in a plan file means local midnight in this zone.
class plan_zone {
  public:
    /// Throws std::invalid_argument for a zone that is not in the system's time zone database.
    explicit plan_zone(std::string_view name) : name_(name), calendar_(name) {}

    [[nodiscard]] ingest::time_us midnight(civil_day day) noexcept {
        return calendar_.midnight(day);
    }
    /// A date (its local midnight), RFC 3339, or the same without an offset (a local time).
    [[nodiscard]] std::optional<ingest::time_us> parse(std::string_view text) noexcept;
    /// A date if the moment is a local midnight, else RFC 3339 in UTC. parse() of the text gives
    /// the same moment.
    [[nodiscard]] std::string text_of(ingest::time_us moment);

  private:
    std::string name_;
    calendar calendar_;
};

} // namespace tally::rating
