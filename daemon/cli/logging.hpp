#pragma once

#include <string_view>

namespace tally::daemon {

/// Sets the process's log up: one line an event, on standard error, key=value in `text` format or
/// one JSON object a line in `json`. Main thread, before others start.
void set_up_log(std::string_view level, std::string_view format);

/// Changes only the level (SIGHUP). Any thread.
void set_log_level(std::string_view level);

} // namespace tally::daemon
