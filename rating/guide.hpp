#pragma once

#include "ingest/cdr.hpp"
#include "ingest/record_error.hpp"
#include "rating/catalog.hpp"
#include "rating/prefix_index.hpp"

#include <span>
#include <string_view>

namespace tally::rating {

/// Who pays for a call, or why that cannot be said.
struct guided {
    catalog_index subscription = no_index;
    ingest::record_error error = ingest::record_error::none;
    ingest::call_direction direction = ingest::call_direction::outbound; ///< to rate it by
    bool on_net = false; ///< to one of our active DIDs, by a plan that has rates for these

    friend bool operator==(guided const&, guided const&) = default;
};

/// Finds the subscription that pays (RATING section 2.2): the explicit subscription number or id;
/// else the account number; else the caller's DID of an outbound or the called DID of an inbound
/// call. The subscription must have been active at the call's start. Pure, no allocation.
///
/// A direction that the record only assumes gives way to whose numbers these are: a call to one of
/// our DIDs (of the account, where one is named) is inbound, one from our DID to elsewhere
/// outbound.
///
/// Whether the destination is one of our active DIDs is only asked when the plan (or a fallback of
/// it) has on-net rates: for others it makes no difference to rate_call.
guided guide(ingest::cdr const& call, catalog const& from) noexcept;

/// Whether a call goes to one of our active DIDs, by a plan that has rates for these. Numbers match
/// as they do for guiding, so a name that begins with a DID's digits is none.
bool is_on_net(ingest::cdr const& call, tariff const& plan, catalog const& from) noexcept;

/// The digits by which a number is matched: a leading scheme (sip: sips: tel:) and '+' dropped,
/// separators (space - . ( )) left out, cut at the first other character (the '@' of an address
/// among them) and after digits_max digits; empty when it does not begin like a number.
/// Written into `buffer`, which holds prefix_index::digits_max characters.
std::string_view match_digits(std::string_view number,
                              std::span<char, prefix_index::digits_max> buffer) noexcept;

/// match_digits, and whether the text is a number and no more: not longer than the buffer, not a
/// name that begins with digits ("24seven"). Only such a number may say who pays.
struct matched_number {
    std::string_view digits;
    bool is_whole = false;
};
matched_number match_number(std::string_view number,
                            std::span<char, prefix_index::digits_max> buffer) noexcept;

} // namespace tally::rating
