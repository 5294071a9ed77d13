#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/record/payers.hpp"
#include "ingest/record/record_batch.hpp"
#include "rating/catalog/catalog.hpp"

namespace tally::rating {

/// The subscription that pays for a call, or the reason why it cannot be found.
struct guided {
    catalog_index subscription = no_index;
    ingest::record_error error = ingest::record_error::none;
    ingest::call_direction direction = ingest::call_direction::outbound; ///< used for rating
    bool on_net = false; ///< the destination is our active DID and the plan has on-net rates

    friend bool operator==(guided const&, guided const&) = default;
};

/// Finds the subscription that pays (docs/RATING.md, Guiding). It uses the first of these that the
/// call has: the subscription number or id, the account number, the caller's DID (outbound) or the
/// called DID (inbound). The subscription must have been active at the call's start. Pure, no
/// allocation.
///
/// If the record only assumes its direction, the owners of the numbers decide: a call to one of our
/// DIDs is inbound (to a DID of the account, if the call names an account), and a call from our DID
/// to another number is outbound.
///
/// The DID of the destination is looked up only if the plan or one of its fallbacks has on-net
/// rates. For other plans rate_call gives the same result either way.
guided guide(ingest::cdr const& call, catalog const& catalog) noexcept;

/// The same for a call whose payer was decided earlier. The error is `unknown_subscription` if the
/// catalog no longer has that subscription, or has it under another account: the account is a part
/// of the call's key, and the charge must go to the same one.
guided guide_decided(ingest::cdr const& call, ingest::payer const& decided,
                     catalog const& catalog) noexcept;

/// Guides the calls of a body and keeps what was found, by record number.
ingest::payers decide_payers(ingest::record_batch const& batch, catalog const& catalog);

/// Whether the destination is one of our active DIDs and the plan has on-net rates. Numbers match
/// as in guiding, so a name that begins with the digits of a DID does not match.
bool is_on_net(ingest::cdr const& call, tariff const& plan, catalog const& catalog) noexcept;

} // namespace tally::rating
