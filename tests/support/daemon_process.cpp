#include "tests/support/daemon_process.hpp"

#include "tests/support/http_client.hpp"
#include "tests/support/slowness.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tally::tests {

namespace {

std::string temporary_file() {
    std::string name = (std::filesystem::temp_directory_path() / "tallyd-test-XXXXXX").string();
    int const file = ::mkstemp(name.data());
    if (file < 0) {
        throw std::runtime_error{"no temporary file"};
    }
    ::close(file);
    return name;
}

std::string text_of(std::string const& file) {
    std::ifstream input{file};
    std::ostringstream text;
    text << input.rdbuf();
    return text.str();
}

int exit_code_of(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t spawn(std::string const& binary, std::vector<std::string> const& words,
            std::map<std::string, std::string> const& environment, std::string const& output,
            std::string const& input = "/dev/null") {
    std::vector<char*> arguments{const_cast<char*>(binary.c_str())};
    for (auto const& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    pid_t const pid = ::fork();
    if (pid != 0) {
        return pid;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // the daemon ends with the test, even a killed one
    for (auto const& [name, value] : environment) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    int const file = ::open(output.c_str(), O_WRONLY | O_APPEND);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::dup2(::open(input.c_str(), O_RDONLY), STDIN_FILENO);
    ::execv(binary.c_str(), arguments.data());
    ::_exit(127);
}

/// The journal's folder: beside the data directory if there is one, so that each has its own.
void give_journal(std::map<std::string, std::string>& environment, std::string const& otherwise) {
    auto const data = environment.find("TALLYD_DATA_DIR");
    environment.try_emplace("TALLYD_JOURNAL_DIR",
                            (data == environment.end() ? otherwise : data->second) + "-journal");
}

} // namespace

command_result run_tallyd(std::string const& binary, std::vector<std::string> const& words,
                          std::map<std::string, std::string> const& environment,
                          std::string const& input) {
    auto const output = temporary_file();
    auto const pid = spawn(binary, words, environment, output, input);
    command_result result{exit_code_of(pid), text_of(output)};
    std::filesystem::remove(output);
    return result;
}

command_result run_tallyd_for(std::chrono::milliseconds time, std::string const& binary,
                              std::vector<std::string> const& words,
                              std::map<std::string, std::string> const& environment) {
    auto const output = temporary_file();
    auto const pid = spawn(binary, words, environment, output);
    auto const deadline = std::chrono::steady_clock::now() + time * slowness;
    siginfo_t ended{};
    while (ended.si_pid == 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
        ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    ::kill(pid, SIGKILL);
    command_result result{exit_code_of(pid), text_of(output)};
    std::filesystem::remove(output);
    return result;
}

daemon_process::daemon_process(std::string binary, std::map<std::string, std::string> environment,
                               std::vector<std::string> words)
    : log_file_{temporary_file()} {
    give_journal(environment, log_file_);
    environment.try_emplace("TALLYD_HTTP_LISTEN", "127.0.0.1:0");
    environment.try_emplace("TALLYD_ADMIN_LISTEN", "127.0.0.1:0");
    pid_ = spawn(binary, words, environment, log_file_);
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60} * slowness;
    while ((http_port_ = port_in_log("http")) == 0 || (admin_port_ = port_in_log("admin")) == 0) {
        if (::waitpid(pid_, nullptr, WNOHANG) != 0 || std::chrono::steady_clock::now() > deadline) {
            ::kill(pid_, SIGKILL);
            throw std::runtime_error{"tallyd did not start:\n" + log()};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
}

daemon_process::~daemon_process() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove(log_file_);
    std::filesystem::remove_all(log_file_ + "-journal");
}

std::uint16_t daemon_process::port_in_log(std::string const& endpoint) const {
    auto const text = log();
    auto const line = text.find("event=listening endpoint=" + endpoint + " ");
    auto const end = line == std::string::npos ? line : text.find('\n', line);
    if (end == std::string::npos) {
        return 0;
    }
    return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':', end) + 1)));
}

std::string daemon_process::log() const {
    return text_of(log_file_);
}

bool daemon_process::wait_ready(std::chrono::seconds limit) const {
    auto const deadline = std::chrono::steady_clock::now() + limit * slowness;
    while (std::chrono::steady_clock::now() < deadline) {
        if (http_request(admin_port_, "GET", "/readyz").status == 200) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return false;
}

void daemon_process::send(int signal) const {
    ::kill(pid_, signal);
}

int daemon_process::wait() {
    int const code = exit_code_of(pid_);
    pid_ = -1;
    return code;
}

} // namespace tally::tests
