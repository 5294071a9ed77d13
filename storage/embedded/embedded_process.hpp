#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// System user that the embedded server's processes run as.
struct process_identity {
    std::string name;
    uid_t user = 0;
    gid_t group = 0;
    bool drops_privileges = false; ///< we are root and the child must not be
};

/// Ourselves, unless we are root: then `wanted` when it is not empty, else the owner of
/// `existing` when that is not root, else "postgres", else "nobody". Throws std::runtime_error
/// when there is no such user or it is root.
process_identity choose_identity(std::string_view wanted, std::filesystem::path const& existing);

/// What to run, and how.
struct process_spec {
    std::filesystem::path program;
    std::vector<std::string> arguments; ///< without the program's name
    process_identity identity;
    std::filesystem::path working_folder;
    std::filesystem::path log_file; ///< standard output and error, appended
    /// Signal the child gets when the thread that started it ends; 0: none. Tied to the thread, not
    /// to the process: start such a child from a thread that lives as long as the child should.
    int signal_at_parent_death = 0;
};

/// A child process. Its own session, so that Ctrl-C in a terminal reaches tallyd alone. Used by one
/// thread at a time. The destructor leaves the child running.
class child_process {
  public:
    /// Throws std::runtime_error when the child cannot be started.
    void start(process_spec const& spec);

    /// Wait status once it has ended; reaps it. nullopt while it runs or when there is none.
    std::optional<int> poll() noexcept;
    /// The same, waiting at most this long.
    std::optional<int> wait(std::chrono::milliseconds time_max) noexcept;
    void signal(int number) const noexcept;

    [[nodiscard]] bool is_started() const noexcept { return pid_ > 0; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  private:
    pid_t pid_ = -1;
};

/// "exit code 1", "signal 9", or what the start of a child failed at.
std::string describe_wait_status(int status, process_spec const& spec);

/// Last lines of a log file, for an error message; empty when it cannot be read.
std::string tail_of(std::filesystem::path const& file, std::size_t bytes_max = 2000);

} // namespace tally::storage
