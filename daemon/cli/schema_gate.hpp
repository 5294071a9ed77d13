#pragma once

#include "daemon/cli/database.hpp"
#include "daemon/cli/signals.hpp"

#include <cstdint>
#include <string>

namespace tally::daemon {

enum class schema_state : std::uint8_t {
    unreachable, ///< the database does not answer
    refused,     ///< another schema than this binary writes to, or the migration failed
    ready,
};

/// Whether the database has the schema that this binary writes to. Migrates when `migrate` is set,
/// else logs the command to run.
schema_state try_schema(std::string const& connection_string, bool migrate);

/// The same, and waits for a database that is not reachable yet. False when the daemon must not
/// start, or when a signal ended the wait.
bool open_schema(std::string const& connection_string, bool migrate, signals const& signals);

/// The same for a command: migrates an embedded server that it started itself, else prints the
/// command to run on standard error. Throws database_error when the database is not reachable.
bool has_schema(database const& opened, signals const& signals);

} // namespace tally::daemon
