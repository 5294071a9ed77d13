#include "storage/rerate/stored_rating.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace tally::storage {

namespace {

constexpr std::array labels{std::string_view{"rated"},   std::string_view{"zero_rated"},
                            std::string_view{"rerated"}, std::string_view{"disputed"},
                            std::string_view{"void"},    std::string_view{"billed"}};

auto explanation(stored_rating const& r) noexcept {
    return std::tie(r.billed_s, r.allowance_s, r.cost, r.connect_fee, r.rate_per_minute, r.rate_id,
                    r.matched_prefix, r.call_type);
}

} // namespace

std::string_view label(call_status status) noexcept {
    return labels[static_cast<std::size_t>(status)];
}

call_status parse_call_status(std::string_view text) noexcept {
    auto const found = std::find(labels.begin(), labels.end(), text);
    return found == labels.end() ? call_status::billed
                                 : static_cast<call_status>(found - labels.begin());
}

bool same_rating(stored_rating const& a, stored_rating const& b) noexcept {
    return explanation(a) == explanation(b);
}

} // namespace tally::storage
