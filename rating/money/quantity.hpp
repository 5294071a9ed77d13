#pragma once

#include "ingest/text/decimal_nanos.hpp"
#include "rating/money/money.hpp"

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace tally::rating {

/// An amount of usage of a metric: exact, in 10^-9 of the metric's unit, up to 10^18 units.
struct quantity {
    int128 nanos = 0;

    friend auto operator<=>(quantity const&, quantity const&) = default;
};

inline constexpr int128 nanos_per_quantity = 1'000'000'000;
/// The largest quantity that fits numeric(28, 9) in the database, with room for one more term of a
/// sum.
inline constexpr quantity quantity_max{ingest::decimal_nanos_max};

/// Reads a decimal string as programs write numbers ("3", "-0.5", "12.", "1e-05"). Returns nullopt
/// for any other text, for a nonzero digit after the ninth decimal, and beyond quantity_max.
std::optional<quantity> parse_quantity(std::string_view text) noexcept;

/// The shortest exact decimal form: "0.3", "12", "-0.00025".
std::string to_string(quantity q);

} // namespace tally::rating
