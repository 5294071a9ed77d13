#pragma once

#include <string>

#include <sys/types.h>

namespace tally::bench {

/// Cores, processor and memory in one line.
std::string describe_machine();

/// Processor time that the server has used since it started: its main process's, that of every
/// process it still has, and that of those which ended.
double server_cpu_seconds(pid_t server);

} // namespace tally::bench
