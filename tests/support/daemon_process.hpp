#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tally::tests {

/// A finished run of the tallyd binary.
struct command_result {
    int exit_code = -1;
    std::string out; ///< standard output and error together
};

/// Runs tallyd with these arguments and settings (environment variables) until it ends. Its
/// standard input is the file `input`.
command_result run_tallyd(std::string const& binary, std::vector<std::string> const& words,
                          std::map<std::string, std::string> const& environment = {},
                          std::string const& input = "/dev/null");
/// The same, but killed by SIGKILL if it still runs after this time (exit code 128 + 9).
command_result run_tallyd_for(std::chrono::milliseconds time, std::string const& binary,
                              std::vector<std::string> const& words,
                              std::map<std::string, std::string> const& environment);

/// A real `tallyd run` as a child process, on free ports. Killed when it goes out of scope.
class daemon_process {
  public:
    /// Starts the daemon and waits until it listens. Otherwise throws, with its log.
    daemon_process(std::string binary, std::map<std::string, std::string> environment,
                   std::vector<std::string> words = {"run"});
    ~daemon_process();
    daemon_process(daemon_process const&) = delete;
    daemon_process& operator=(daemon_process const&) = delete;

    [[nodiscard]] std::uint16_t http_port() const noexcept { return http_port_; }
    /// 0 unless tcp.listen is set.
    [[nodiscard]] std::uint16_t tcp_port() const { return port_in_log("tcp"); }
    [[nodiscard]] std::uint16_t admin_port() const noexcept { return admin_port_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// The log so far.
    [[nodiscard]] std::string log() const;
    /// Waits until /readyz answers 200. False when it does not in time.
    bool wait_ready(std::chrono::seconds limit = std::chrono::seconds{20}) const;

    void send(int signal) const;
    /// Waits for the end. Returns the exit code, or 128 + the signal.
    int wait();

  private:
    [[nodiscard]] std::uint16_t port_in_log(std::string const& endpoint) const;

    std::string log_file_;
    pid_t pid_ = -1;
    std::uint16_t http_port_ = 0;
    std::uint16_t admin_port_ = 0;
};

} // namespace tally::tests
