#pragma once

#include "config/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tally::config {

/// The settings file that is read if --config is not given and this file exists.
inline constexpr auto default_file = "config/tallyd.toml";

struct load_request {
    /// The file of --config, which must exist. nullopt: default_file, if it exists.
    std::optional<std::string> file;
    /// Entries "NAME=value", as in environ.
    std::vector<std::string> environment;
};

/// The result of loading: the settings, and all problems that were found.
struct loaded_settings {
    settings values;
    std::string file; ///< the file that was read; empty: none

    /// By row of settings_table(): "default", "config/tallyd.toml:3:10", "TALLYD_LANES".
    std::vector<std::string> origins;

    /// "config/tallyd.toml:3:1: unknown key ...", without passwords. Empty: the settings are valid.
    std::vector<std::string> problems;

    [[nodiscard]] bool ok() const noexcept { return problems.empty(); }
};

/// Loads the settings: the defaults, overridden by the file, overridden by the environment. Reports
/// every problem and throws for none. Called at start-up and on SIGHUP, by one thread.
loaded_settings load_settings(load_request const& request);

/// The environment of this process.
std::vector<std::string> process_environment();

} // namespace tally::config
