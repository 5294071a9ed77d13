#include "bench/e2e/machine.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace tally::bench {
namespace {

std::string processor_name() {
    std::ifstream file{"/proc/cpuinfo"};
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) {
            auto const colon = line.find(": ");
            return colon == std::string::npos ? line : line.substr(colon + 2);
        }
    }
    return "unknown processor";
}

struct process_times {
    pid_t parent = 0;
    long own_ticks = 0;
    long ended_children_ticks = 0;
};

/// Fields of /proc/<pid>/stat (proc(5)); nullopt when the process has ended.
std::optional<process_times> times_of(std::filesystem::path const& process) {
    // The second field is the program's name in parentheses; it may contain blanks and parentheses,
    // so the numbers begin after the last one.
    std::ifstream file{process / "stat"};
    std::string line;
    std::getline(file, line);
    auto const name_end = line.rfind(')');
    if (name_end == std::string::npos) {
        return std::nullopt;
    }

    std::istringstream fields{line.substr(name_end + 1)};
    process_times times;
    std::string skipped;
    long user = 0;
    long system = 0;
    long children_user = 0;
    long children_system = 0;

    // Field 4 is the parent; fields 14 to 17 are the times.
    fields >> skipped >> times.parent;
    for (int i = 0; i < 9; ++i) {
        fields >> skipped;
    }
    fields >> user >> system >> children_user >> children_system;
    times.own_ticks = user + system;
    times.ended_children_ticks = children_user + children_system;
    return times;
}

bool is_process(std::string_view name) {
    return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

} // namespace

std::string describe_machine() {
    auto const memory_mb = (sysconf(_SC_PHYS_PAGES) >> 10) * (sysconf(_SC_PAGESIZE) >> 10);
    return std::to_string(std::thread::hardware_concurrency()) + " cores, " + processor_name() +
           ", " + std::to_string(memory_mb / 1024) + " GiB";
}

double server_cpu_seconds(pid_t server) {
    auto const main = times_of("/proc/" + std::to_string(server));
    if (!main) {
        return 0;
    }
    long ticks = main->own_ticks + main->ended_children_ticks;
    for (auto const& entry : std::filesystem::directory_iterator{"/proc"}) {
        if (!is_process(entry.path().filename().string())) {
            continue;
        }
        if (auto const times = times_of(entry.path()); times && times->parent == server) {
            ticks += times->own_ticks + times->ended_children_ticks;
        }
    }
    return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace tally::bench
