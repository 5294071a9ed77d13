#include "bench/e2e/tallyd_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tally::bench {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

double seconds_of(timeval const& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

pid_t spawn(tallyd_process::order const& command) {
    std::vector<std::string> arguments{command.program.string()};
    arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());

    // The TALLYD_ variables of this shell must not change the measurement.
    std::vector<std::string> environment = command.environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (!std::string_view{*entry}.starts_with("TALLYD_")) {
            environment.emplace_back(*entry);
        }
    }

    // Standard output and standard error go to the log file.
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, command.log_file.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);

    pid_t pid = -1;
    int const error = posix_spawn(&pid, command.program.c_str(), &actions, nullptr,
                                  pointers_to(arguments).data(), pointers_to(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw std::runtime_error{"cannot run " + command.program.string() + ": " +
                                 std::strerror(error)};
    }
    return pid;
}

} // namespace

double now_s() {
    auto const now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>{now}.count();
}

std::string tail_of_file(std::filesystem::path const& file) {
    constexpr std::size_t tail_bytes = 2'000;
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    std::string const all = text.str();
    return all.size() > tail_bytes ? all.substr(all.size() - tail_bytes) : all;
}

tallyd_process::tallyd_process(order command)
    : command_{std::move(command)}, pid_{spawn(command_)}, started_s_{now_s()} {}

tallyd_process::~tallyd_process() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
}

bool tallyd_process::is_running() {
    siginfo_t info{};
    return pid_ > 0 &&
           waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

process_cost tallyd_process::wait() {
    int status = 0;
    rusage used{};
    while (wait4(pid_, &status, 0, &used) < 0) {
        if (errno != EINTR) {
            throw std::runtime_error{std::string{"wait4: "} + std::strerror(errno)};
        }
    }
    return take_end(status, seconds_of(used.ru_utime), seconds_of(used.ru_stime), used.ru_maxrss);
}

process_cost tallyd_process::stop() {
    kill(pid_, SIGTERM);
    return wait();
}

process_cost tallyd_process::take_end(int status, double user_s, double system_s,
                                      long memory_max_kb) {
    pid_ = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw std::runtime_error{"tallyd " + command_.arguments.front() + " failed:\n" +
                                 tail_of_file(command_.log_file)};
    }
    return {now_s() - started_s_, user_s, system_s, memory_max_kb};
}

} // namespace tally::bench
