#include "config/loader.hpp"
#include "daemon/app/service.hpp"
#include "daemon/cli/command.hpp"

#include <CLI/CLI.hpp>

namespace tally::daemon {

void add_run_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand(
        "run", "receive, rate and store records until SIGTERM\n\n"
               "Without database.url it starts its own PostgreSQL in data_dir. SIGTERM or SIGINT\n"
               "drains and stops, a second one stops at once, SIGHUP reads the settings again.");

    // Shared with the callback: CLI11 calls it after this function has returned.
    auto const migrate = std::make_shared<bool>(false);
    command->add_flag("--migrate", *migrate,
                      "bring the schema of database.url up to date before starting (that of the "
                      "embedded database always is)");
    auto const skip_damage = std::make_shared<bool>(false);
    command->add_flag("--skip-journal-damage", *skip_damage,
                      "start without the acknowledged records that a damaged journal has lost; the "
                      "log lists them");

    command->callback([&environment, migrate, skip_damage, &app] {
        auto const* file = app.get_option("--config");
        service::options options{environment.load_settings(), *migrate, *skip_damage, {}};

        // SIGHUP reads the same file as the start did. Its problems are returned, not printed: a
        // running daemon keeps its settings.
        options.reload = [file](config::settings& values) {
            auto loaded = config::load_settings(
                {file->count() > 0 ? std::optional{file->as<std::string>()} : std::nullopt,
                 config::process_environment()});
            values = std::move(loaded.values);
            return std::move(loaded.problems);
        };
        service daemon{std::move(options)};
        environment.exit_code = daemon.run();
    });
}

} // namespace tally::daemon
