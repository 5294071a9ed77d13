#pragma once

#include <string>

#include <sys/types.h>

namespace tally::bench {

/// Cores, processor and memory in one line.
std::string describe_machine();

/// CPU time that the server has used since it started: that of its main process, of its running
/// child processes, and of those that have ended.
double server_cpu_seconds(pid_t server);

} // namespace tally::bench
