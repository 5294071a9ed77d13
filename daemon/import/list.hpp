#pragma once

#include "config/settings.hpp"

#include <cstdint>

namespace tally::daemon {

/// tallyd import list: prints the imports, latest first, on standard output. Returns the exit code;
/// throws storage::command_error when a query fails.
int list_imports(config::settings const& settings, std::int32_t limit, bool as_json);

} // namespace tally::daemon
