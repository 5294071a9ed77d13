#pragma once

#include "config/settings.hpp"

#include <cstdint>

namespace tally::daemon {

/// tallyd import list: what was imported, the newest first, on standard output. Gives the exit
/// code; throws std::runtime_error when the database cannot be asked.
int list_imports(config::settings const& settings, std::int32_t limit, bool as_json);

} // namespace tally::daemon
