#pragma once

#include "ingest/record/number_rules.hpp"
#include "ingest/record/record_batch.hpp"
#include "rating/number/prefix_index.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace tally::rating {

/// How a number was interpreted.
enum class number_form : std::uint8_t {
    no_number,       ///< a name, anonymous, empty, too long: kept as it was sent
    short_code,      ///< short or listed: kept as it was sent
    plus,            ///< E.164 with '+'
    after_prefix,    ///< an international prefix was removed
    national_prefix, ///< the country code replaced the national prefix
    national_length, ///< the country code was put in front of a number of a national length
    as_it_is,        ///< any other digits: E.164 without '+'
};

struct normal_number {
    static constexpr std::size_t no_rewrite = SIZE_MAX;

    std::string_view digits; ///< E.164 without '+', in the caller's buffer; empty: kept as sent
    number_form form = number_form::no_number;
    std::size_t rewrite = no_rewrite; ///< index of the rewrite that was applied
};

using number_buffer = std::span<char, prefix_index::digits_max>;

/// Converts a number as a switch sent it to E.164 digits (docs/RATING.md, Number rules). The steps,
/// in this order; the first of the last five that fits decides. Pure, no allocation.
///
///     sip:00 91-98...@host     drop scheme and separators, cut at '@' or ';'
///     short or listed number   keep: 112 and 100 are ordinary prefixes of the tariff
///     rewrites                 apply the first whose prefix matches, once
///     +91...                   -> 91...
///     0091..., 00091...        -> 91...    drop international prefix and zeros that follow it
///     098...                   -> 9198...  national prefix -> country code
///     98... of a known length  -> 9198...
///     anything else            unchanged
normal_number normalize(std::string_view number, ingest::number_rules const& rules,
                        number_buffer buffer) noexcept;

/// Converts caller and destination of every call to E.164 digits. A number as it was sent is kept
/// in the record if it differs by more than a '+'. New text is stored in the batch's own arena.
/// A second call for the same batch changes nothing.
void apply_number_rules(ingest::record_batch& batch, ingest::number_rules const& rules);

} // namespace tally::rating
