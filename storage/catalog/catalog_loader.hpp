#pragma once

#include "rating/catalog/catalog.hpp"
#include "storage/catalog/load_warnings.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <memory>
#include <string>

namespace tally::storage {

struct loaded_catalog {
    std::shared_ptr<rating::catalog const> catalog; ///< nullptr unless the load was ok
    ingest::time_us as_of = 0; ///< by the database's clock: no change before then is missing
    load_warnings warnings;    ///< rows that were left out
};

/// Reads everything that guiding and rating look at, in one REPEATABLE READ transaction, so that it
/// is of one moment. Takes a few seconds for a million subscriptions. A row that makes no sense is
/// left out with a warning: one bad rate must not stop all billing.
///
///   accounts       all but closed and deleted ones
///   subscriptions  of these accounts. canceled ones until ended_at, else the end of the period
///   when
///                  they were cancelled to it, else cancelled_at; expired ones until ended_at, else
///                  the end of the period, else of the trial; all others until ended_at (a paused
///                  or suspended one should have no calls, but those the switch let through are
///                  owed); none beyond deleted_at. Left out: a cancelled or expired one without any
///                  end, and one whose account, plan and own currency are not the same.
///   plans          all but deleted ones, and those that a subscription still names
///   rates          without a band, not on-net; a rate without name or call type takes those of the
///                  longest destination that begins its prefix
///   DIDs           active and suspended ones that have a subscription
result load_catalog(pq_connection& on, loaded_catalog& out);

/// On a connection of its own.
result load_catalog(std::string const& connection_string, loaded_catalog& out);

} // namespace tally::storage
