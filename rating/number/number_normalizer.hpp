#pragma once

#include "ingest/record/number_rules.hpp"
#include "ingest/record/record_batch.hpp"
#include "rating/number/prefix_index.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace tally::rating {

/// What a number was taken for.
enum class number_form : std::uint8_t {
    no_number,       ///< a name, anonymous, empty, too long: kept as it was sent
    short_code,      ///< short or listed: kept as it was sent
    plus,            ///< E.164 with '+'
    after_prefix,    ///< an international prefix was taken off
    national_prefix, ///< the national prefix became the country code
    national_length, ///< the country code was put in front of as many digits
    as_it_is,        ///< none of these: taken for E.164 without '+'
};

struct normal_number {
    static constexpr std::size_t no_rewrite = SIZE_MAX;

    std::string_view digits; ///< E.164 without '+', in the caller's buffer; empty: kept as sent
    number_form form = number_form::no_number;
    std::size_t rewrite = no_rewrite; ///< place of the rewrite that was applied
};

using number_buffer = std::span<char, prefix_index::digits_max>;

/// Turns what a switch sent into E.164 digits (docs/RATING.md, Number rules). Pure, no allocation.
///
///     sip:00 91-98...@host   scheme and separators dropped, cut at '@' or ';'
///     short or listed?       kept: 112 and 100 are ordinary prefixes of the tariff
///     rewrites               the first whose prefix fits, once
///     +91...                 -> 91...
///     0091..., 00091...      -> 91...     international prefix, and zeros in excess behind it
///     098...                 -> 9198...   national prefix -> country code
///     98... of a known length-> 9198...
///     anything else          as it is
normal_number normalise(std::string_view number, ingest::number_rules const& rules,
                        number_buffer buffer) noexcept;

/// Makes caller and destination of every call E.164 digits; what was sent is kept beside them
/// where it is more than a '+' away. Text goes into the batch's own arena. To be done once, before
/// guiding.
void apply_number_rules(ingest::record_batch& batch, ingest::number_rules const& rules);

} // namespace tally::rating
