#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// The system user of the embedded server's processes.
struct process_identity {
    std::string name;
    uid_t user = 0;
    gid_t group = 0;
    bool drops_privileges = false; ///< we are root and the child must not be
};

/// The present user, unless that is root. For root: `wanted` if it is not empty; otherwise the
/// owner of `existing` if that is not root; otherwise "postgres" if there is one; otherwise
/// "nobody". Throws std::runtime_error if there is no such user or it is root.
process_identity choose_identity(std::string_view wanted, std::filesystem::path const& existing);

/// The program of a child process and its environment.
struct process_spec {
    std::filesystem::path program;
    std::vector<std::string> arguments; ///< without the program's name
    process_identity identity;
    std::filesystem::path working_folder;
    std::filesystem::path log_file; ///< standard output and error are appended to it
    /// The signal that the child gets when the thread that started it ends; 0: none. Linux ties it
    /// to the thread, not to the process: start such a child from a thread that lives long enough.
    int signal_at_parent_death = 0;
};

/// A child process in its own session, so that Ctrl-C in a terminal reaches only tallyd. Used by
/// one thread at a time. The destructor leaves the child running.
class child_process {
  public:
    /// Throws std::runtime_error if the child cannot be started.
    void start(process_spec const& spec);

    /// The wait status if the child has ended, and reaps it; nullopt while it runs or if there is
    /// none.
    std::optional<int> poll() noexcept;
    /// The same, but waits for at most this time.
    std::optional<int> wait(std::chrono::milliseconds time_max) noexcept;
    void signal(int number) const noexcept;

    [[nodiscard]] bool is_started() const noexcept { return pid_ > 0; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  private:
    pid_t pid_ = -1;
};

/// "exit code 1", "signal 9", or the step at which the start of the child failed.
std::string describe_wait_status(int status, process_spec const& spec);

/// The last lines of a log file, for an error message; empty if it cannot be read.
std::string tail_of(std::filesystem::path const& file, std::size_t bytes_max = 2000);

} // namespace tally::storage
