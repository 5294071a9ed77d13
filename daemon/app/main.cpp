#include "config/loader.hpp"
#include "config/nearest_name.hpp"
#include "config/version.hpp"
#include "daemon/cli/command.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>

// The command line: registers every command and turns each failure into one line and an exit code.

namespace tally::daemon {
namespace {

/// Thrown by a command to end the process. Not derived from std::exception, so that the catch
/// blocks of the commands do not take it for a failure of their own work.
struct exit_request {
    int code;
};

config::settings settings_or_exit(std::string const& file) {
    auto loaded = config::load_settings(
        {file.empty() ? std::nullopt : std::optional{file}, config::process_environment()});

    // All problems at once, so that a file is corrected in one pass.
    for (auto const& problem : loaded.problems) {
        std::cerr << "tallyd: " << problem << '\n';
    }
    if (!loaded.ok()) {
        throw exit_request{exit_bad_configuration};
    }
    return std::move(loaded.values);
}

void add_version_command(CLI::App& app) {
    auto const text = "tallyd " + std::string{config::version()};
    app.set_version_flag("--version,-V", text, "print the version and exit");
    app.add_subcommand("version", "print the version")->callback([text] {
        std::cout << text << '\n';
    });
}

void add_commands(CLI::App& app, command_environment& environment) {
    add_run_command(app, environment);
    add_migrate_command(app, environment);
    add_seed_command(app, environment);
    add_import_command(app, environment);
    add_plan_command(app, environment);
    add_rate_command(app, environment);
    add_rerate_command(app, environment);
    add_cdr_command(app, environment);
    add_source_command(app, environment);
    add_suspense_command(app, environment);
    add_journal_command(app, environment);
    add_status_command(app, environment);
    add_maintain_command(app, environment);
    add_check_config_command(app, environment);
    add_version_command(app);
}

/// Suggests the command whose name is nearest to a mistyped word of the command line.
std::string suggestion(CLI::App const& app, std::vector<std::string> const& words) {
    std::vector<std::string> names;
    for (auto const* command : app.get_subcommands([](CLI::App const*) { return true; })) {
        names.push_back(command->get_name());
    }
    std::vector<std::string_view> const candidates{names.begin(), names.end()};

    // Only the first word that resembles a command: later words are arguments of it.
    for (auto const& word : words) {
        auto const meant = config::nearest_name(word, candidates);
        if (!word.starts_with("-") && !meant.empty() && meant != word) {
            return "; did you mean `tallyd " + std::string{meant} + "`?";
        }
    }
    return "; see `tallyd --help`";
}

int report_usage(CLI::App const& app, CLI::ParseError const& error, int argc, char** argv) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        return app.exit(error); // --help and --version
    }

    // A suggestion only helps when no command was recognized; otherwise that command's help does.
    auto const* command = app.get_subcommands().empty() ? nullptr : app.get_subcommands().front();
    std::cerr << "tallyd: " << error.what()
              << (command == nullptr ? suggestion(app, {argv + 1, argv + argc})
                                     : "; see `tallyd " + command->get_name() + " --help`")
              << '\n';
    return exit_usage;
}

int run_command_line(int argc, char** argv) {
    CLI::App app{"tallyd receives call detail records, rates them and writes them into PostgreSQL.",
                 "tallyd"};
    app.fallthrough(); // --config may also follow the command
    app.require_subcommand(1);

    std::string file;
    app.add_option("--config", file,
                   std::string{"settings file (default: "} + config::default_file +
                       " when it exists)");

    // The settings are loaded when a command asks for them: `version` and --help work with a
    // broken settings file.
    command_environment environment{[&file] { return settings_or_exit(file); }};
    add_commands(app, environment);

    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        return report_usage(app, error, argc, argv);
    }
    return environment.exit_code;
}

} // namespace
} // namespace tally::daemon

int main(int argc, char** argv) {
    // Limits each attempt to connect to a server of database.url: libpq's default has no limit.
    ::setenv("PGCONNECT_TIMEOUT", "10", 0);
    try {
        return tally::daemon::run_command_line(argc, argv);
    } catch (tally::daemon::exit_request const& request) {
        return request.code;
    } catch (std::exception const& error) {
        std::cerr << "tallyd: " << error.what() << '\n';
    } catch (...) {
        std::cerr << "tallyd: unknown failure\n";
    }
    return tally::daemon::exit_failure;
}
