#pragma once

#include "rating/catalog/catalog.hpp"
#include "storage/catalog/load_warnings.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <memory>
#include <string>

namespace tally::storage {

struct loaded_catalog {
    std::shared_ptr<rating::catalog const> catalog; ///< nullptr unless the load succeeded
    ingest::time_us as_of = 0; ///< by the database's clock; all changes before it are included
    load_warnings warnings;    ///< rows that were left out
};

/// Reads everything that guiding and rating need, in one REPEATABLE READ transaction, so that all
/// of it is of one moment (docs/ARCHITECTURE.md, R14). Takes a few seconds for a million
/// subscriptions. An inconsistent row is left out with a warning: one bad rate must not stop all
/// billing.
///
///   accounts       all except closed and deleted ones
///   subscriptions  those of these accounts. The status decides when a subscription ends:
///                    canceled   ended_at; else the end of the period, if canceled to that end;
///                               else cancelled_at
///                    expired    ended_at; else the end of the period; else the end of the trial
///                    any other  ended_at (a paused or suspended one should have no calls, but
///                               calls that the switch let through are owed)
///                  None lasts beyond deleted_at. Left out: a canceled or expired one without any
///                  end, and one whose account, plan and own currency differ.
///   plans          all except deleted ones, and deleted ones that a subscription still names
///   rates          all; a rate without name or call type takes those of the longest destination
///                  that its prefix begins with
///   DIDs           active and suspended ones that have a subscription
expected<loaded_catalog> load_catalog(pq_connection& connection);

/// On a connection of its own.
expected<loaded_catalog> load_catalog(std::string const& connection_string);

} // namespace tally::storage
