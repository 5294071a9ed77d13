#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/event.hpp"
#include "rating/catalog/catalog.hpp"

namespace tally::rating {

/// Whose event it is, or why that cannot be said.
struct guided_event {
    catalog_index account = no_index;      ///< no_index: nobody's, or nobody's of ours
    catalog_index subscription = no_index; ///< of a metered event: the one that pays
    ingest::record_error error = ingest::record_error::none;

    friend bool operator==(guided_event const&, guided_event const&) = default;
};

/// Finds the subscription that pays for a metered event: the explicit subscription number or id;
/// else the account number or id; else whichever of these, or a user, the subject is; else the
/// user. It must have been active when the event occurred. Other events are only told their
/// account, when they name one, and are nobody's otherwise. Pure, no allocation.
guided_event guide(ingest::event const& what, catalog const& from) noexcept;

} // namespace tally::rating
