#pragma once

#include "config/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tally::config {

/// Used when no file is named and it is there.
inline constexpr auto default_file = "config/tallyd.toml";

struct load_request {
    /// --config; must exist when given. nullopt: default_file, when it exists.
    std::optional<std::string> file;
    /// "NAME=value", as in environ.
    std::vector<std::string> environment;
};

/// What loading gave: settings, or every problem at once.
struct loaded_settings {
    settings values;
    std::string file;                  ///< the one that was read; empty: none
    std::vector<std::string> origins;  ///< by row of settings_table(): "default",
                                       ///< "config/tallyd.toml:3:10", "TALLYD_LANES"
    std::vector<std::string> problems; ///< "config/tallyd.toml:3:1: unknown key ..."; without
                                       ///< passwords. Empty: all is well.

    [[nodiscard]] bool ok() const noexcept { return problems.empty(); }
};

/// Defaults, overridden by the file, overridden by the environment. Reports every problem it finds
/// and never throws for one. Start-up only.
loaded_settings load_settings(load_request const& request);

/// The environment of this process.
std::vector<std::string> process_environment();

} // namespace tally::config
