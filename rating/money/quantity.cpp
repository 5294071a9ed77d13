#include "rating/money/quantity.hpp"

namespace tally::rating {

std::optional<quantity> parse_quantity(std::string_view text) noexcept {
    auto const nanos = ingest::parse_decimal_nanos(text);
    return nanos ? std::optional{quantity{*nanos}} : std::nullopt;
}

std::string to_string(quantity q) {
    return to_string(amount_sum{q.nanos}); // both count 10^-9
}

} // namespace tally::rating
