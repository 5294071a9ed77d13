#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/catalog/catalog.hpp"

namespace tally::rating {

/// Who pays for a call, or why that cannot be said.
struct guided {
    catalog_index subscription = no_index;
    ingest::record_error error = ingest::record_error::none;
    ingest::call_direction direction = ingest::call_direction::outbound; ///< to rate it by
    bool on_net = false; ///< to one of our active DIDs, by a plan that has rates for these

    friend bool operator==(guided const&, guided const&) = default;
};

/// Finds the subscription that pays (docs/RATING.md, Guiding): the explicit subscription number or
/// id; else the account number; else the caller's DID of an outbound or the called DID of an
/// inbound call. The subscription must have been active at the call's start. Pure, no allocation.
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

} // namespace tally::rating
