#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tally::bench {

/// The time that one run of a program took.
struct process_cost {
    double wall_s = 0;
    double user_s = 0;
    double system_s = 0;
    long memory_max_kb = 0;
};

/// The tallyd under measurement, as a process of its own with its output in a file.
class tallyd_process {
  public:
    struct order {
        std::filesystem::path program;
        std::vector<std::string> arguments;
        std::vector<std::string> environment; ///< "TALLYD_LANES=2", beside our own
        std::filesystem::path log_file;
    };

    explicit tallyd_process(order command);
    /// Kills the process if it still runs.
    ~tallyd_process();
    tallyd_process(tallyd_process const&) = delete;
    tallyd_process& operator=(tallyd_process const&) = delete;

    /// Waits for the process to end. If it failed, throws with the last lines of its output.
    process_cost wait();
    /// Sends SIGTERM, then calls wait().
    process_cost stop();
    [[nodiscard]] bool is_running();

  private:
    process_cost take_end(int status, double user_s, double system_s, long memory_max_kb);

    order command_;
    pid_t pid_ = -1;
    double started_s_ = 0;
};

/// The last lines of a file.
std::string tail_of_file(std::filesystem::path const& file);

/// Seconds of a monotonic clock.
double now_s();

} // namespace tally::bench
