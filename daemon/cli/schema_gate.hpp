#pragma once

#include "daemon/cli/database.hpp"
#include "daemon/cli/signals.hpp"

#include <string>

namespace tally::daemon {

/// Makes sure, before anything is started, that the database has the schema that this binary writes
/// to: waits for a database that is not there yet, migrates when `migrate` says so, else logs what
/// to run. False when the daemon must not start, or a signal ended the waiting.
bool open_schema(std::string const& connection_string, bool migrate, signals const& told);

/// The same for a command: migrates an embedded server that it started itself, else says on
/// standard error what to run. Throws sql_error when the database is not there.
bool has_schema(database const& opened, signals const& told);

} // namespace tally::daemon
