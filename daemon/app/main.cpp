#include "config/loader.hpp"
#include "config/nearest_name.hpp"
#include "config/version.hpp"
#include "daemon/cli/command.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>

// The command line: registers every command, turns what goes wrong into one line and an exit code.

namespace tally::daemon {
namespace {

/// Leaves the command line from within a command. No std::exception, so that no command takes it
/// for a failure of its own work.
struct exit_request {
    int code;
};

config::settings settings_or_exit(std::string const& file) {
    auto loaded = config::load_settings(
        {file.empty() ? std::nullopt : std::optional{file}, config::process_environment()});
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
    add_status_command(app, environment);
    add_maintain_command(app, environment);
    add_check_config_command(app, environment);
    add_version_command(app);
}

/// The command that a mistyped word of the command line may have meant.
std::string suggestion(CLI::App const& app, std::vector<std::string> const& words) {
    std::vector<std::string> names;
    for (auto const* command : app.get_subcommands([](CLI::App const*) { return true; })) {
        names.push_back(command->get_name());
    }
    std::vector<std::string_view> const candidates{names.begin(), names.end()};
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
    // Suggesting a command only helps when none was understood.
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
    app.fallthrough();
    app.require_subcommand(1);
    std::string file;
    app.add_option("--config", file,
                   std::string{"settings file (default: "} + config::default_file +
                       " when it is there)");
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
    // Of each server that database.url names; libpq itself would wait for ever.
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
