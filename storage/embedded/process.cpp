#include "storage/embedded/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tally::storage {
namespace {

// Exit codes of a child that failed before exec.
constexpr int exit_cannot_drop = 123;
constexpr int exit_no_folder = 125;
constexpr int exit_no_program = 127;

std::optional<process_identity> identity_of(passwd const* entry) {
    if (entry == nullptr) {
        return std::nullopt;
    }
    return process_identity{entry->pw_name, entry->pw_uid, entry->pw_gid, geteuid() == 0};
}

std::optional<process_identity> owner_of(std::filesystem::path const& existing) {
    struct stat info {};
    if (existing.empty() || stat(existing.c_str(), &info) != 0 || info.st_uid == 0) {
        return std::nullopt;
    }
    return identity_of(getpwuid(info.st_uid));
}

/// argv or envp for exec. Built before fork, because the child must not allocate.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// Only these variables: PostgreSQL's own (PGDATA, ...) would redirect the server, and a language
/// would translate its messages, which we read.
std::vector<std::string> child_environment() {
    char const* path = std::getenv("PATH");
    return {std::string{"PATH="} + (path != nullptr ? path : "/usr/bin:/bin"), "LC_ALL=C",
            "TZ=UTC"};
}

void reset_signals() noexcept {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2}) {
        ::signal(number, SIG_DFL);
    }
}

void redirect(int log) noexcept {
    int const null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    // The server must not inherit our sockets and locks.
    syscall(SYS_close_range, 3U, ~0U, 0U);
}

bool drop_privileges(process_identity const& owner) noexcept {
    return setgroups(0, nullptr) == 0 && setgid(owner.group) == 0 && setuid(owner.user) == 0;
}

struct prepared {
    process_spec const& spec;
    char* const* arguments;
    char* const* environment;
    int log;
    pid_t parent;
};

/// Runs between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void become(prepared const& child) noexcept {
    // A session of its own, so that Ctrl-C in a terminal reaches only tallyd, which then stops the
    // server.
    setsid();
    reset_signals();
    redirect(child.log);
    umask(077);
    if (child.spec.identity.drops_privileges && !drop_privileges(child.spec.identity)) {
        _exit(exit_cannot_drop);
    }

    // After the change of user, who may not be allowed to enter the folder.
    if (chdir(child.spec.working_folder.c_str()) != 0) {
        _exit(exit_no_folder);
    }
    if (child.spec.signal_at_parent_death != 0) {
        // After setuid, which clears the setting. The parent may have ended before prctl.
        prctl(PR_SET_PDEATHSIG, child.spec.signal_at_parent_death);
        if (getppid() != child.parent) {
            _exit(0);
        }
    }
    execve(child.spec.program.c_str(), child.arguments, child.environment);
    _exit(exit_no_program);
}

} // namespace

process_identity choose_identity(std::string_view wanted, std::filesystem::path const& existing) {
    // Without root no other user can be chosen.
    if (geteuid() != 0) {
        auto self = identity_of(getpwuid(geteuid()));
        return self ? *self
                    : process_identity{std::to_string(geteuid()), geteuid(), getegid(), false};
    }

    // The owner of an existing cluster comes first: the server refuses files of another user.
    std::string const name{wanted};
    auto found = name.empty() ? owner_of(existing) : identity_of(getpwnam(name.c_str()));
    if (!found && name.empty()) {
        found = identity_of(getpwnam("postgres"));
    }
    if (!found && name.empty()) {
        found = identity_of(getpwnam("nobody"));
    }

    // A wrong name in the configuration is a mistake that the operator has to see.
    if (!found) {
        throw std::runtime_error{"PostgreSQL does not run as root, and there is no system user \"" +
                                 (name.empty() ? "postgres" : name) +
                                 "\" to run it as: set postgres_user"};
    }
    if (found->user == 0) {
        throw std::runtime_error{"postgres_user: PostgreSQL does not run as root"};
    }
    return *found;
}

void child_process::start(process_spec const& spec) {
    // All memory that the child needs is prepared before fork(), after which it must not allocate.
    std::vector<std::string> arguments{spec.program.string()};
    arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
    std::vector<std::string> environment = child_environment();
    auto argv = pointers_to(arguments);
    auto envp = pointers_to(environment);

    // Opened by the parent, so that a failure is an exception and not a silent exit code.
    int const log = open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) {
        throw std::runtime_error{"cannot write " + spec.log_file.string() + ": " +
                                 std::strerror(errno)};
    }
    if (spec.identity.drops_privileges &&
        fchown(log, spec.identity.user, spec.identity.group) != 0) {
        close(log);
        throw std::runtime_error{"cannot give " + spec.log_file.string() + " to " +
                                 spec.identity.name + ": " + std::strerror(errno)};
    }

    // In the child only become() runs, and it never returns.
    prepared const child{spec, argv.data(), envp.data(), log, getpid()};
    pid_t const pid = fork();
    if (pid == 0) {
        become(child);
    }

    // Kept, since close() may change it.
    int const reason = errno;
    close(log);
    if (pid < 0) {
        throw std::runtime_error{std::string{"cannot start a process: "} + std::strerror(reason)};
    }
    pid_ = pid;
}

std::optional<int> child_process::poll() noexcept {
    if (pid_ <= 0) {
        return std::nullopt;
    }

    // Without waiting: the caller has other work.
    int status = 0;
    pid_t const ended = waitpid(pid_, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) {
        return std::nullopt;
    }

    pid_ = -1;
    return ended > 0 ? status : 0; // ECHILD: it was reaped elsewhere
}

std::optional<int> child_process::wait(std::chrono::milliseconds time_max) noexcept {
    // By polling: waitpid() has no timeout, and a handler of SIGCHLD would be the whole process's.
    auto const deadline = std::chrono::steady_clock::now() + time_max;
    while (is_started()) {
        if (auto status = poll()) {
            return status;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return std::nullopt;
}

void child_process::signal(int number) const noexcept {
    if (pid_ > 0) {
        kill(pid_, number);
    }
}

std::string describe_wait_status(int status, process_spec const& spec) {
    if (WIFSIGNALED(status)) {
        return "ended by signal " + std::to_string(WTERMSIG(status));
    }

    // The codes of become() say what an operator has to correct.
    int const code = WEXITSTATUS(status);
    if (code == exit_cannot_drop) {
        return "cannot become user " + spec.identity.name;
    }
    if (code == exit_no_folder) {
        return "user " + spec.identity.name + " cannot enter " + spec.working_folder.string() +
               ": every folder above it must let that user through (or choose another data_dir)";
    }
    if (code == exit_no_program) {
        return "cannot execute " + spec.program.string();
    }
    return "exit code " + std::to_string(code);
}

std::string tail_of(std::filesystem::path const& file, std::size_t bytes_max) {
    std::ifstream input{file, std::ios::binary | std::ios::ate};
    if (!input) {
        return {};
    }

    // Only the end is read: a log may have megabytes.
    auto const size = static_cast<std::size_t>(input.tellg());
    std::string text(std::min(size, bytes_max), '\0');
    input.seekg(static_cast<std::streamoff>(size - text.size()));
    input.read(text.data(), static_cast<std::streamsize>(text.size()));

    // Neither a broken first line nor blank last ones.
    if (auto line = text.find('\n'); size > bytes_max && line != std::string::npos) {
        text.erase(0, line + 1);
    }
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

} // namespace tally::storage
