#include "config/loader.hpp"
#include "config/report.hpp"
#include "daemon/cli/command.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace tally::daemon {
namespace {

struct check_config_options {
    bool json = false;
    bool sample = false;
    bool reference = false;
};

/// The file of --config, which may precede or follow the subcommand.
std::optional<std::string> named_file(CLI::App const& command) {
    auto const* option = command.get_parent()->get_option_no_throw("--config");
    if (option == nullptr || option->empty()) {
        return std::nullopt;
    }
    return option->as<std::string>();
}

int check(CLI::App const& command, check_config_options const& options) {
    // Both are made from the table of settings alone, and need no file.
    if (options.sample || options.reference) {
        std::cout << (options.sample ? config::sample_file() : config::reference_page());
        return exit_success;
    }

    // Not by the environment's loader, which ends the process when a setting is invalid.
    auto const loaded = config::load_settings({named_file(command), config::process_environment()});
    if (options.json) {
        config::write_json(std::cout, loaded);
    } else {
        config::write_table(std::cout, loaded);
    }

    // After the table, which also shows the settings that are valid.
    for (auto const& problem : loaded.problems) {
        std::cerr << "tallyd: " << problem << '\n';
    }
    return loaded.ok() ? exit_success : exit_bad_configuration;
}

} // namespace

void add_check_config_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand(
        "check-config",
        "show the settings in effect and their origins; exit code 78 when one is invalid");
    auto options = std::make_shared<check_config_options>();
    command->add_flag("--json", options->json, "one JSON object instead of a table");
    command->add_flag("--sample", options->sample, "print a settings file with every default");
    command->add_flag("--reference", options->reference, "print the reference page (Markdown)");
    command->callback(
        [command, options, &environment] { environment.exit_code = check(*command, *options); });
}

} // namespace tally::daemon
