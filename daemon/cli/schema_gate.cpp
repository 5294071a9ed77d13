#include "daemon/cli/schema_gate.hpp"

#include "storage/schema/migrations.hpp"

#include <spdlog/spdlog.h>

#include <iostream>

namespace tally::daemon {

namespace {

/// Between two attempts to reach a database at the start; each of them is logged.
constexpr std::chrono::milliseconds retry_every{2000};

/// nullopt: the database does not answer, which may change. Not the same as a wrong schema.
std::optional<storage::schema_check> check(std::string const& connection_string) {
    try {
        return storage::check_schema(connection_string);
    } catch (std::exception const& error) {
        spdlog::warn("event=database_not_reached retry_in_ms={} error=\"{}\"", retry_every.count(),
                     error.what());
        return std::nullopt;
    }
}

/// False: a migration failed, and the log says which and why.
bool migrate_up(std::string const& connection_string) {
    try {
        storage::migration_runner runner{
            connection_string, storage::embedded_migrations(), {}, [](auto const& event) {
                spdlog::info("event=migrated migration={} took_ms={}", event.label,
                             event.took.count());
            }};
        runner.up();
        return true;
    } catch (std::exception const& error) {
        spdlog::error("event=migration_failed error=\"{}\"", error.what());
        return false;
    }
}

} // namespace

schema_state try_schema(std::string const& connection_string, bool migrate) {
    auto const found = check(connection_string);
    if (!found) {
        return schema_state::unreachable;
    }

    // Never migrate down: a newer schema belongs to a newer binary.
    if (!found->is_ok && migrate && found->database_version < found->binary_version) {
        return migrate_up(connection_string) ? schema_state::ready : schema_state::refused;
    }

    if (!found->is_ok) {
        spdlog::error("event=schema_refused database_version={} binary_version={} advice=\"{}\"",
                      found->database_version, found->binary_version, found->advice);
    }
    return found->is_ok ? schema_state::ready : schema_state::refused;
}

bool open_schema(std::string const& connection_string, bool migrate, signals const& signals) {
    auto state = try_schema(connection_string, migrate);
    while (state == schema_state::unreachable) {
        // Also the pause between attempts: a signal ends a start that waits for its database.
        auto const signal = signals.wait(retry_every);
        if (signal == SIGTERM || signal == SIGINT) {
            return false;
        }
        state = try_schema(connection_string, migrate);
    }
    return state == schema_state::ready;
}

bool has_schema(database const& opened, signals const& signals) {
    // A server that this command has started is its own, and may be as old as the last command.
    if (opened.is_embedded() && !opened.is_attached()) {
        return open_schema(opened.connection_string(), true, signals);
    }

    // The schema of a shared database belongs to its operator: a command does not migrate it.
    auto const found = storage::check_schema(opened.connection_string());
    if (!found.is_ok) {
        std::cerr << "tallyd: " << found.advice << '\n';
    }
    return found.is_ok;
}

} // namespace tally::daemon
