#pragma once

#include "config/loader.hpp"

#include <string>

namespace tally::config {

/// Takes over what a TOML file sets, with origins, and notes every problem as "file:line:column:
/// what". A file that cannot be read or is no TOML is one problem.
void apply_toml_file(std::string const& path, loaded_settings& loaded);

} // namespace tally::config
