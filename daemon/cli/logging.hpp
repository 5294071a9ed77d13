#pragma once

#include <string_view>

namespace tally::daemon {

/// Sets up the log of the process: one line per event on standard error, key=value pairs in `text`
/// format, one JSON object per line in `json`. Main thread, before other threads start.
void set_up_log(std::string_view level, std::string_view format);

/// set_up_log() for a command that prints a report of its own: log lines of level `info` would
/// interrupt it, so they are left out.
void set_up_command_log(std::string_view level, std::string_view format);

/// Changes only the level (SIGHUP). Any thread.
void set_log_level(std::string_view level);

} // namespace tally::daemon
