#include "storage/embedded/binaries.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace tally::storage {
namespace {

namespace fs = std::filesystem;

/// Standard output of `program --version`; empty if it cannot be run.
std::string version_text(fs::path const& program) {
    // Asked of the program itself: a folder's name need not tell the version of what is in it.
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return {};
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);

    // exec takes its arguments as char*, so they are copies.
    std::string name = program.string();
    std::string option = "--version";
    char* arguments[] = {name.data(), option.data(), nullptr};
    pid_t child = -1;
    int const failed = posix_spawn(&child, name.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);

    // Our end for writing must be closed, or reading would never see the end of the output.
    close(ends[1]);
    std::string text;
    char buffer[256];
    for (ssize_t got = 0; failed == 0 && (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(got));
    }
    close(ends[0]);

    // Reaped, or a zombie would be left.
    if (failed == 0) {
        int status = 0;
        waitpid(child, &status, 0);
    }
    return text;
}

/// The major version in "postgres (PostgreSQL) 15.20 (Debian ...)", 15; 0 for any other text.
int major_of(fs::path const& folder) {
    std::string const text = version_text(folder / "postgres");
    auto const index = text.find("(PostgreSQL) ");
    int major = 0;
    if (index != std::string::npos) {
        std::from_chars(text.data() + index + 13, text.data() + text.size(), major);
    }
    return major;
}

bool has_server(fs::path const& folder) {
    // initdb belongs to the server's packages, not to the client's, which also have programs in
    // PATH.
    return access((folder / "postgres").c_str(), X_OK) == 0 &&
           access((folder / "initdb").c_str(), X_OK) == 0;
}

void add_versioned(std::vector<fs::path>& folders, fs::path const& parent, std::string_view start) {
    // A folder that does not exist is no error: not every distribution has it.
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator{parent, ignored}) {
        if (entry.path().filename().string().starts_with(start)) {
            folders.push_back(entry.path() / "bin");
        }
    }
}

std::vector<fs::path> candidate_folders() {
    // Where Debian and Red Hat install several versions side by side, then whatever is in PATH.
    std::vector<fs::path> folders;
    add_versioned(folders, "/usr/lib/postgresql", "");
    add_versioned(folders, "/usr", "pgsql-");
    char const* path = std::getenv("PATH");
    std::istringstream parts{path != nullptr ? path : ""};
    for (std::string part; std::getline(parts, part, ':');) {
        if (!part.empty()) {
            folders.emplace_back(part);
        }
    }
    return folders;
}

} // namespace

postgres_binaries find_postgres(fs::path const& configured, std::optional<int> major) {
    auto const folders =
        configured.empty() ? candidate_folders() : std::vector<fs::path>{configured};
    // A cluster can only be opened by the version that made it; a new one gets the newest.
    postgres_binaries best;
    std::string seen;
    for (fs::path const& folder : folders) {
        if (!has_server(folder)) {
            continue;
        }
        int const found = major_of(folder);
        seen += (seen.empty() ? "" : ", ") + std::to_string(found) + " in " + folder.string();
        if (major ? found == *major : found >= postgres_major_min && found > best.major) {
            best = {folder, found};
        }
    }

    // One of the folders has what is asked for.
    if (best.major != 0) {
        return best;
    }

    // What was looked for, where, what there is instead, and what helps.
    std::string const wanted =
        major ? std::to_string(*major) : std::to_string(postgres_major_min) + " or newer";
    throw std::runtime_error{
        "no PostgreSQL " + wanted + " found (" +
        (configured.empty() ? "looked in /usr/lib/postgresql, /usr/pgsql-* and PATH"
                            : "postgres_bin_dir is " + configured.string()) +
        (seen.empty() ? "" : "; there is " + seen) + "): install postgresql" +
        (major ? "-" + std::to_string(*major) : "") +
        ", or set postgres_bin_dir, or set database.url to use another server"};
}

} // namespace tally::storage
