#pragma once

#include "config/loader.hpp"

#include <string>

namespace tally::config {

/// Applies the settings of a TOML file, with their origins, and adds every problem as
/// "file:line:column: ...". A file that cannot be read or is not TOML is one problem.
void apply_toml_file(std::string const& path, loaded_settings& loaded);

} // namespace tally::config
