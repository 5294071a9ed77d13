#pragma once

#include "config/loader.hpp"

#include <ostream>
#include <string>

namespace tally::config {

/// Writes the effective settings as a text table: key, value, origin. Passwords are masked.
void write_table(std::ostream& out, loaded_settings const& loaded);

/// Writes the effective settings as one JSON object, with passwords masked:
/// {"ok", "file", "settings": {key: {"value", "from"}}, "problems"}.
void write_json(std::ostream& out, loaded_settings const& loaded);

/// The commented default file (config/tallyd.toml): every setting at its default, commented out.
std::string sample_file();

/// The reference page (config/REFERENCE.md).
std::string reference_page();

} // namespace tally::config
