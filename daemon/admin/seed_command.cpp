#include "daemon/cli/command.hpp"
#include "daemon/cli/confirmation.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "ingest/text/joined.hpp"
#include "storage/postgres/command_error.hpp"
#include "storage/postgres/sql_session.hpp"
#include "storage/schema/seeds.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>

namespace tally::daemon {
namespace {

struct seed_flags {
    bool demo = false;
    bool undo = false;
    bool yes = false;
};

/// An empty variable counts as none: an empty password would let everyone in.
std::optional<std::string> variable(char const* name) {
    char const* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? std::optional<std::string>{value} : std::nullopt;
}

/// Generated passwords are printed here and nowhere else: the database has only their hashes.
void print(storage::seed_report const& report, char const* verb) {
    // Every name, so that a second run shows that it found the seeds of the first.
    for (std::string const& name : report.applied) {
        std::cout << verb << ' ' << name << '\n';
    }
    for (std::string const& name : report.present) {
        std::cout << "present  " << name << '\n';
    }

    for (auto const& generated : report.passwords) {
        std::cout << generated.email << " has the password " << generated.password
                  << " (shown only once; change it at the first login)\n";
    }

    if (report.applied.empty()) {
        std::cout << "nothing to do\n";
    }
}

/// Deletes the rows that the seeds wrote, after a question. The exit code.
int undo(std::string const& connection_string, storage::seed_options const& options, bool yes) {
    // Asked first: the question names exactly what would be deleted.
    auto const names = storage::seeds_to_undo(connection_string, options);
    if (!names.empty() &&
        !is_confirmed(yes, "delete the rows of " + ingest::joined(names, ", ") + " from " +
                               storage::describe_database(connection_string))) {
        return exit_failure;
    }

    // All or none: rows that others refer to by now keep everything in place.
    print(storage::undo_seeds(connection_string, options), "undone ");
    return exit_success;
}

int seed(command_environment const& environment, seed_flags const& flags) {
    auto const settings = environment.load_settings();
    storage::seed_options options;
    options.demo = flags.demo;
    options.production = settings.environment == "production";

    // From the environment, since arguments are visible to every user of the machine.
    options.admin_password = variable("TALLYD_ADMIN_PASSWORD");
    options.support_password = variable("TALLYD_SUPPORT_PASSWORD");

    return with_failures_printed(failure_text::lines, [&] {
        // Refused before the database is opened. Undoing demo data is allowed, as it may be there
        // by mistake.
        if (options.demo && options.production && !flags.undo) {
            throw storage::command_error{"environment is \"production\": demo data is refused"};
        }

        database const opened{settings, database_use::shared};
        if (flags.undo) {
            return undo(opened.connection_string(), options, flags.yes);
        }

        // Each seed in a transaction with its record: those before one that fails stay applied.
        print(storage::apply_seeds(opened.connection_string(), options), "applied");
        return exit_success;
    });
}

} // namespace

void add_seed_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand(
        "seed", "write reference data into the database: system users, plans, destinations");
    auto flags = std::make_shared<seed_flags>();
    command->add_flag("--demo", flags->demo,
                      "also three demo customers (refused in production); with --undo: only these");
    auto* undo = command->add_flag("--undo", flags->undo, "delete seeded rows, after a question");
    command->add_flag("--yes", flags->yes, "with --undo: do not ask")->needs(undo);
    command->footer("Passwords of admin@balatrix.com and support@balatrix.com come from "
                    "TALLYD_ADMIN_PASSWORD and TALLYD_SUPPORT_PASSWORD; otherwise they are "
                    "generated and shown once.");
    command->callback([flags, &environment] { environment.exit_code = seed(environment, *flags); });
}

} // namespace tally::daemon
