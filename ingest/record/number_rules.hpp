#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tally::ingest {

/// Replaces the leading `prefix` of a number by `replacement`; an empty replacement strips it.
struct number_rewrite {
    std::string prefix; ///< digits, letters, * # +
    std::string replacement;

    friend bool operator==(number_rewrite const&, number_rewrite const&) = default;
};

/// How the numbers that a source sends become E.164 digits (column ingest.sources.number_rules).
/// ingest/json/number_rules.hpp reads them and rating/number/number_normalizer.hpp applies them.
/// Without rules, numbers stay as sent.
struct number_rules {
    static constexpr std::uint32_t short_digits_default = 6;

    std::vector<std::string> international_prefixes; ///< "00", "011": a country code follows
    std::string national_prefix;                     ///< "0": precedes a national number
    std::string country_code;                        ///< "91": put in front of a national number
    std::vector<std::uint32_t> national_lengths; ///< digits of a national number without its prefix
    std::vector<number_rewrite> rewrites; ///< applied before the other rules; the first that fits
    std::vector<std::string> short_codes; ///< never changed, whatever their length
    std::uint32_t short_digits_max = short_digits_default; ///< up to this length: never changed
    std::string text; ///< the JSON that the rules were read from; empty if there are none

    [[nodiscard]] bool empty() const noexcept {
        return international_prefixes.empty() && country_code.empty() && rewrites.empty();
    }
    friend bool operator==(number_rules const&, number_rules const&) = default;
};

} // namespace tally::ingest
