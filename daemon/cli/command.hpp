#pragma once

#include "config/settings.hpp"

#include <functional>

namespace CLI {
class App;
}

namespace tally::daemon {

/// The exit codes of every command; `migrate` adds its own.
inline constexpr int exit_success = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_internal_failure = 70;  ///< EX_SOFTWARE of sysexits.h
inline constexpr int exit_bad_configuration = 78; ///< EX_CONFIG of sysexits.h

/// Passed from main to every subcommand. A command registers itself with the command line; its
/// callback does the work and sets exit_code.
struct command_environment {
    /// Loads the settings from --config, the environment and the defaults. Prints every problem and
    /// exits with 78 when there is one, so a command does not check.
    std::function<config::settings()> load_settings;
    int exit_code = exit_success;
};

// One file per command: <name>_command.cpp, or command.cpp in a room of that name.
void add_run_command(CLI::App& app, command_environment& environment);
void add_migrate_command(CLI::App& app, command_environment& environment);
void add_seed_command(CLI::App& app, command_environment& environment);
void add_import_command(CLI::App& app, command_environment& environment);
void add_plan_command(CLI::App& app, command_environment& environment);
void add_rate_command(CLI::App& app, command_environment& environment);
void add_rerate_command(CLI::App& app, command_environment& environment);
void add_cdr_command(CLI::App& app, command_environment& environment);
void add_source_command(CLI::App& app, command_environment& environment);
void add_suspense_command(CLI::App& app, command_environment& environment);
void add_journal_command(CLI::App& app, command_environment& environment);
void add_status_command(CLI::App& app, command_environment& environment);
void add_maintain_command(CLI::App& app, command_environment& environment);
void add_check_config_command(CLI::App& app, command_environment& environment);

} // namespace tally::daemon
