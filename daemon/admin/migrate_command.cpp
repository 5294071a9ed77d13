#include "daemon/admin/migrate_diagram.hpp"
#include "daemon/admin/migrate_loss.hpp"
#include "daemon/cli/command.hpp"
#include "daemon/cli/confirmation.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/table_printer.hpp"
#include "ingest/json/writer.hpp"
#include "storage/postgres/command_error.hpp"
#include "storage/postgres/sql_session.hpp"
#include "storage/schema/migrations.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

// tallyd migrate: the command line of storage::migration_runner. Text goes to standard output,
// problems go to standard error; --json prints one object.

namespace tally::daemon {
namespace {

using storage::migrate_exit;
using storage::migration_action;
using storage::migration_state;

struct migrate_flags {
    std::string folder;
    std::optional<int> target;
    double lock_wait_s = 60;
    bool json = false;
    bool yes = false;
};

/// The context of an action.
struct migrate_work {
    storage::migration_runner& runner;
    migrate_flags const& flags;
    std::string const& connection_string;
    bool const& has_events; ///< a migration was applied, reverted or tried
};

std::vector<storage::migration> files_of(migrate_flags const& flags) {
    return flags.folder.empty() ? storage::embedded_migrations()
                                : storage::read_migrations(flags.folder);
}

/// As the line of an event begins. "skipped": the plan cannot try what runs outside a transaction.
std::string_view verb_of(migration_action action) {
    switch (action) {
    case migration_action::applied:
        return "applied ";
    case migration_action::reverted:
        return "reverted";
    case migration_action::tried:
        return "would apply";
    case migration_action::skipped:
        return "not tried (cannot run in a transaction)";
    }
    return "";
}

void print_event(storage::migration_event const& event) {
    std::cout << verb_of(event.action) << ' ' << event.label;
    if (event.action != migration_action::skipped) {
        std::cout << " (" << event.took.count() << " ms)";
    }
    std::cout << std::endl; // flushed, so that it is visible while the next one runs

    if (event.action == migration_action::tried) {
        for (auto const& change : event.changes) {
            std::cout << "    "
                      << (!change.before  ? '+'
                          : !change.after ? '-'
                                          : '~')
                      << ' ' << change.key.first << ' ' << change.key.second << '\n';
        }
    }
}

/// The worst state decides: changed files, then an interrupted migration, then pending ones.
migrate_exit exit_of(std::vector<storage::migration_status> const& statuses) {
    if (!storage::refusals(statuses).empty()) {
        return migrate_exit::changed;
    }

    // A migration outside a transaction is marked while it runs. Unless another tallyd runs it now,
    // it was interrupted.
    if (has_state(statuses, migration_state::running) ||
        has_state(statuses, migration_state::reverting)) {
        return migrate_exit::partly_applied;
    }
    return has_state(statuses, migration_state::pending) ? migrate_exit::pending
                                                         : migrate_exit::done;
}

void write_statuses(ingest::json_writer& json,
                    std::vector<storage::migration_status> const& statuses) {
    json.key("migrations").open('[');
    for (auto const& status : statuses) {
        json.open('{').key("version").value(status.version).key("name").value(status.name);
        json.key("state").value(storage::name_of(status.state)).key("applied_at");
        status.applied_at.empty() ? json.null() : json.value(status.applied_at);
        if (!status.problem.empty()) {
            json.key("problem").value(status.problem);
        }
        json.close('}');
    }
    json.close(']');
}

void print_json(std::vector<storage::migration_status> const& statuses) {
    auto const applied =
        std::ranges::count(statuses, migration_state::applied, &storage::migration_status::state);
    auto const pending =
        std::ranges::count(statuses, migration_state::pending, &storage::migration_status::state);
    ingest::json_writer json;
    json.open('{').key("applied").value(applied).key("pending").value(pending);
    write_statuses(json, statuses);
    json.close('}');
    std::cout << json.text() << '\n';
}

void print_problems(std::vector<storage::migration_status> const& statuses) {
    for (auto const& status : statuses) {
        if (!status.problem.empty()) {
            std::cerr << "tallyd: " << status.problem << '\n';
        }
    }
}

migrate_exit show_status(migrate_work const& work) {
    auto const statuses = work.runner.status();
    if (work.flags.json) {
        print_json(statuses);
    } else {
        table_printer table{{{"migration"}, {"state"}, {"applied at"}}};
        for (auto const& status : statuses) {
            table.add({storage::migration_label(status.version, status.name),
                       std::string{storage::name_of(status.state)}, status.applied_at});
        }
        table.print(std::cout);
        print_problems(statuses);
    }
    return exit_of(statuses);
}

void print_json(storage::verification const& found) {
    // Both definitions are shown, since only their difference explains the drift.
    ingest::json_writer json;

    json.open('{').key("ok").value(found.code() == migrate_exit::done);
    json.key("drift").open('[');
    for (auto const& change : found.drift) {
        json.open('{').key("kind").value(change.key.first).key("name").value(change.key.second);
        json.key("change").value(!change.before ? "extra" : !change.after ? "missing" : "changed");
        json.key("expected");
        change.before ? json.value(*change.before) : json.null();
        json.key("found");
        change.after ? json.value(*change.after) : json.null();
        json.close('}');
    }
    json.close(']');

    json.key("other_server_version").value(found.is_other_server_major);
    write_statuses(json, found.statuses);
    json.close('}');
    std::cout << json.text() << '\n';
}

migrate_exit verify(migrate_work const& work) {
    auto const found = work.runner.verify();
    if (work.flags.json) {
        print_json(found);
        return found.code();
    }

    print_problems(found.statuses);
    for (auto const& change : found.drift) {
        std::cout << change.describe() << '\n';
    }

    // Servers print definitions in slightly different forms: such drift need not be real.
    if (!found.drift.empty() && found.is_other_server_major) {
        std::cout << "(the migrations ran on another major version of PostgreSQL, which may spell "
                     "definitions differently)\n";
    }
    if (found.code() == migrate_exit::done) {
        std::cout << "the schema is as the migrations made it\n";
    }
    return found.code();
}

using action = std::function<migrate_exit(migrate_work const&)>;

/// Whether an action may destroy data. Such an action is refused in production.
enum class is_destructive : std::uint8_t { no, yes };

migrate_exit end_of_change(migrate_work const& work) {
    if (!work.has_events) {
        std::cout << "nothing to do\n";
    }
    return migrate_exit::done;
}

migrate_exit up(migrate_work const& work) {
    work.runner.up(work.flags.target);
    return end_of_change(work);
}

migrate_exit plan(migrate_work const& work) {
    work.runner.plan();
    return end_of_change(work);
}

/// Asks with the tables and their size, since reverting cannot be undone.
bool may_revert(migrate_work const& work, storage::migration_loss const& loss) {
    return work.flags.yes ||
           is_confirmed(false,
                        describe_loss(loss, storage::describe_database(work.connection_string)));
}

/// Reverts what the operator agreed to, and nothing more when another process reverts meanwhile:
/// the version to keep was computed with the question.
migrate_exit down(migrate_work const& work) {
    auto const loss = work.runner.loss_of_down(work.flags.target);
    if (!loss.migrations.empty()) {
        if (!may_revert(work, loss)) {
            return migrate_exit::failed;
        }
        work.runner.down(loss.keep);
    }
    return end_of_change(work);
}

migrate_exit redo(migrate_work const& work) {
    auto const loss = work.runner.loss_of_down();

    // With its version: if another process applied a later one meanwhile, this is refused.
    if (loss.migrations.empty()) {
        work.runner.redo(); // throws, with the reason
    } else if (!may_revert(work, loss)) {
        return migrate_exit::failed;
    } else {
        work.runner.redo(loss.migrations.front().version);
    }
    return end_of_change(work);
}

migrate_exit perform(config::settings const& settings, migrate_flags const& flags,
                     action const& act, bool& has_events) {
    // Files are read before the database is opened, so that a wrong folder changes nothing.
    auto files = files_of(flags);
    database const opened{settings, database_use::shared};
    storage::migrate_options options;

    // Bounded: another tallyd may be migrating, and a deployment must not wait for it forever.
    options.lock_wait_max =
        std::chrono::milliseconds{static_cast<std::int64_t>(flags.lock_wait_s * 1000)};
    storage::migration_runner runner{opened.connection_string(), std::move(files), options,
                                     [&has_events](storage::migration_event const& event) {
                                         has_events = true;
                                         print_event(event);
                                     }};
    return act({runner, flags, opened.connection_string(), has_events});
}

migrate_exit run(command_environment const& environment, migrate_flags const& flags,
                 action const& act, is_destructive destructive) {
    try {
        auto const settings = environment.load_settings();

        // Checked before anything is opened: --yes in a script must not be enough in production.
        if (destructive == is_destructive::yes && settings.environment == "production") {
            throw storage::command_error{"environment is \"production\": reverting a migration is "
                                         "refused, since it drops tables with their rows"};
        }
        bool has_events = false;
        return perform(settings, flags, act, has_events);

    } catch (storage::command_error const& error) {
        print_failure(error);
        return migrate_exit{error.exit_code()};
    } catch (std::runtime_error const& error) {
        print_failure(error);
        return migrate_exit::failed;
    }
}

int diagram(command_environment const& environment, diagram_request const& item) {
    auto const settings = environment.load_settings();
    return with_failures_printed(failure_text::lines, [&] {
        database const opened{settings, database_use::shared};

        // A diagram of an older schema would be taken for the documentation of this version.
        auto const schema = storage::check_schema(opened.connection_string());
        if (!schema.is_ok) {
            std::cerr << "tallyd: " << schema.advice << '\n';
            return static_cast<int>(migrate_exit::pending);
        }
        return migrate_diagram(opened.connection_string(), item);
    });
}

/// The arguments that the callbacks of the command line share.
struct migrate_state {
    diagram_request drawing;
    migrate_flags flags;
};

CLI::App* add(CLI::App& parent, command_environment& environment,
              std::shared_ptr<migrate_state> const& state, char const* name, char const* help,
              action act, is_destructive destructive = is_destructive::no) {
    auto* command = parent.add_subcommand(name, help);
    if (destructive == is_destructive::yes) {
        command->add_flag("--yes", state->flags.yes, "do not ask");
    }
    command->callback([state, &environment, destructive, act = std::move(act)] {
        environment.exit_code = static_cast<int>(run(environment, state->flags, act, destructive));
    });
    return command;
}

void add_target(CLI::App* command, migrate_state& state, char const* help) {
    command->add_option("--to", state.flags.target, help)->check(CLI::NonNegativeNumber);
}

void add_json(CLI::App* command, migrate_state& state) {
    command->add_flag("--json", state.flags.json, "one JSON object instead of lines");
}

void add_changing(CLI::App& parent, command_environment& environment,
                  std::shared_ptr<migrate_state> const& state) {
    add_target(add(parent, environment, state, "up", "apply pending migrations", up), *state,
               "stop after this version");
    add_target(add(parent, environment, state, "down",
                   "revert the last migration and lose the data of everything that it created; "
                   "asks for confirmation, and is refused in production",
                   down, is_destructive::yes),
               *state, "revert all migrations above this version (0: all)");
    add(parent, environment, state, "redo",
        "revert and apply the last migration; asks for confirmation, and is refused in production",
        redo, is_destructive::yes);
    add(parent, environment, state, "plan",
        "execute pending migrations, show what they change, and roll back", plan);
}

void add_diagram(CLI::App& parent, command_environment& environment,
                 std::shared_ptr<migrate_state> const& state) {
    auto* command =
        parent.add_subcommand("diagram", "print Mermaid diagrams of tables, keys and relations");
    auto& item = state->drawing;
    command->add_option("--write", item.write_file,
                        "write it between the diagram markers of this Markdown file");
    command
        ->add_option("--check", item.check_file,
                     "compare the diagram of this file; exit code 3 when it differs")
        ->excludes("--write");
    command->callback(
        [state, &environment] { environment.exit_code = diagram(environment, state->drawing); });
}

} // namespace

void add_migrate_command(CLI::App& app, command_environment& environment) {
    auto* migrate = app.add_subcommand("migrate", "bring the database's schema up to date");
    migrate->require_subcommand(1);
    migrate->fallthrough();
    migrate->footer("Exit codes: 0 done or nothing to do, 1 failure, 2 pending (status), 3 changed "
                    "or drifted, 4 lock busy, 5 failed and rolled back, 6 partly applied");

    // Of all verbs.
    auto state = std::make_shared<migrate_state>();
    migrate->add_option("--dir", state->flags.folder,
                        "use the migration files of this folder instead of the built-in ones");
    migrate
        ->add_option("--lock-timeout", state->flags.lock_wait_s,
                     "seconds to wait for another tallyd that migrates this database")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();

    add_changing(*migrate, environment, state);
    add_diagram(*migrate, environment, state);
    add_json(add(*migrate, environment, state, "status",
                 "list migrations and their state; exit code 2 when some are pending", show_status),
             *state);
    add_json(
        add(*migrate, environment, state, "verify",
            "compare the schema with the result of the migrations; exit code 3 when it differs",
            verify),
        *state);
}

} // namespace tally::daemon
