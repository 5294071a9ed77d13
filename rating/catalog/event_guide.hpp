#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/event.hpp"
#include "rating/catalog/catalog.hpp"

namespace tally::rating {

/// The account and subscription of a usage event, or the reason why they cannot be found.
struct guided_event {
    catalog_index account = no_index;      ///< no_index: no account of ours
    catalog_index subscription = no_index; ///< of a metered event: the one that pays
    ingest::record_error error = ingest::record_error::none;

    friend bool operator==(guided_event const&, guided_event const&) = default;
};

/// Finds the subscription that pays for a metered event. It uses the first of these that the event
/// has: the subscription number or id, the account number or id, the subject (a subscription, an
/// account or a user), the user. The subscription must have been active when the event occurred.
/// For an event that is not metered the function finds only the account, if the event names one.
/// Pure, no allocation.
guided_event guide(ingest::event const& event, catalog const& catalog) noexcept;

} // namespace tally::rating
