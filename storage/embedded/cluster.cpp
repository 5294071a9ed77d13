#include "storage/embedded/cluster.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <locale.h>
#include <stdexcept>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tally::storage {
namespace {

namespace fs = std::filesystem;

constexpr auto initdb_folder = "tallyd-initdb";
constexpr auto own_mark = "tallyd.conf";

/// A socket path has at most 107 bytes (sun_path without its NUL). The longer name
/// "/.s.PGSQL.5432.lock" in the same folder is not a socket.
constexpr std::size_t socket_folder_bytes_max = 107 - std::string_view{"/.s.PGSQL.5432"}.size();

std::runtime_error failed(std::string const& text, fs::path const& path) {
    return std::runtime_error{text + " " + path.string() + ": " + std::strerror(errno)};
}

/// Files that a directory may have and still counts as empty: our own of an earlier attempt.
bool is_of_no_account(std::string const& name) {
    return name == "tallyd.lock" || name == "tallyd.guests" || name == "postgres.log" ||
           name == "lost+found";
}

void write_file(fs::path const& path, std::string const& text, process_identity const& owner) {
    // Closed before the check, since buffered bytes may fail only then.
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out << text;
    out.close();
    if (!out) {
        throw failed("cannot write", path);
    }
    if (owner.drops_privileges && lchown(path.c_str(), owner.user, owner.group) != 0) {
        throw failed("cannot give away", path);
    }
}

bool has_utf8_c_locale() {
    // Not every system has it; without it upper() and lower() know only ASCII.
    locale_t const found = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (found == nullptr) {
        return false;
    }
    freelocale(found);
    return true;
}

void run_initdb(fs::path const& folder, process_spec spec, postgres_binaries const& binaries,
                bool synced) {
    spec.program = binaries.folder / "initdb";
    // Sorting by bytes: with a locale of the system, an upgrade of it could corrupt indexes.
    spec.arguments = {"--pgdata",        folder.string(),
                      "--username",      "tallyd",
                      "--encoding",      "UTF8",
                      "--lc-collate",    "C",
                      "--lc-ctype",      has_utf8_c_locale() ? "C.UTF-8" : "C",
                      "--lc-messages",   "C",
                      "--lc-monetary",   "C",
                      "--lc-numeric",    "C",
                      "--lc-time",       "C",
                      "--auth",          "trust",
                      "--data-checksums"};
    if (!synced) {
        spec.arguments.emplace_back("--no-sync");
    }

    // Five minutes are for slow disks: initdb syncs what it wrote.
    child_process initdb;
    initdb.start(spec);
    auto const status = initdb.wait(std::chrono::minutes{5});
    if (!status || *status != 0) {
        initdb.signal(SIGKILL);
        throw std::runtime_error{
            "initdb failed: " + (status ? describe_wait_status(*status, spec) : "no end in sight") +
            "\n" + tail_of(spec.log_file) + "\n(log: " + spec.log_file.string() + ")"};
    }
}

/// Moves PG_VERSION last: its presence says that the cluster is complete.
void move_up(fs::path const& origin, fs::path const& target) {
    // Listed first: a folder must not change while it is read.
    std::vector<fs::path> entries;
    for (auto const& entry : fs::directory_iterator{origin}) {
        if (entry.path().filename() != "PG_VERSION") {
            entries.push_back(entry.path());
        }
    }
    for (fs::path const& entry : entries) {
        fs::rename(entry, target / entry.filename());
    }

    // The names of the other files are on disk before PG_VERSION says that they are.
    if (int const folder = open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
        fsync(folder);
        close(folder);
    }
    fs::rename(origin / "PG_VERSION", target / "PG_VERSION");
    fs::remove(origin);
}

void remove_interrupted(fs::path const& data_dir) {
    for (auto const& entry : fs::directory_iterator{data_dir}) {
        if (!is_of_no_account(entry.path().filename().string())) {
            fs::remove_all(entry.path());
        }
    }
}

std::string megabytes(std::int64_t bytes) {
    return std::to_string(bytes >> 20) + "MB";
}

std::int64_t buffers_for_this_machine() {
    // An eighth leaves the rest to the page cache, which serves PostgreSQL as well.
    std::int64_t const memory = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return std::clamp<std::int64_t>(memory / 8, 128LL << 20, 1LL << 30);
}

/// Durability settings stay at PostgreSQL's defaults; the others are chosen for continuous COPY and
/// small updates of counters.
std::string configuration(std::int64_t buffers) {
    bool const small = buffers < (128LL << 20);
    return "# Written by tallyd at every start. Put settings of your own into custom.conf.\n"
           "shared_buffers = " +
           megabytes(buffers) +
           "\n"
           "max_connections = 100\n"
           "# few, large checkpoints: a page is logged whole once per checkpoint\n"
           "max_wal_size = " +
           (small ? "256MB" : "4GB") +
           "\n"
           "min_wal_size = " +
           (small ? "64MB" : "512MB") +
           "\n"
           "checkpoint_timeout = 15min\n"
           "checkpoint_completion_target = 0.9\n"
           "wal_compression = on\n"
           "wal_buffers = " +
           (small ? "4MB" : "64MB") +
           "\n"
           "# counters are updated all the time and partitions only grow\n"
           "autovacuum_naptime = 15s\n"
           "autovacuum_vacuum_cost_limit = 2000\n"
           "autovacuum_vacuum_scale_factor = 0.05\n"
           "autovacuum_analyze_scale_factor = 0.05\n"
           "# statements are short and prepared: compiling them costs more than it saves\n"
           "jit = off\n"
           "timezone = 'UTC'\n"
           "log_timezone = 'UTC'\n"
           "log_line_prefix = '%m [%p] %a '\n"
           "log_checkpoints = off\n"
           "include_if_exists = 'custom.conf'\n";
}

/// Creates a folder, or accepts an existing one only if it belongs to us: another user could have
/// prepared it.
void make_private_folder(fs::path const& folder, process_identity const& owner) {
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw failed("cannot make the socket's folder", folder);
    }

    // lstat: a link that another user has placed there must not be followed.
    struct stat info {};
    if (lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
        (info.st_uid != owner.user && info.st_uid != geteuid())) {
        throw std::runtime_error{folder.string() + " belongs to another user: remove it, or choose "
                                                   "a shorter data_dir"};
    }
    if (chmod(folder.c_str(), 0700) != 0 ||
        (owner.drops_privileges && chown(folder.c_str(), owner.user, owner.group) != 0)) {
        throw failed("cannot take", folder);
    }
}

} // namespace

cluster_state inspect_cluster(fs::path const& data_dir) {
    cluster_state state;
    if (!fs::exists(data_dir)) {
        return state;
    }
    if (!fs::is_directory(data_dir)) {
        throw std::runtime_error{"data_dir " + data_dir.string() + " is no directory"};
    }

    // Our own mark is asked for: another cluster must not be started with our settings.
    if (std::ifstream version{data_dir / "PG_VERSION"}; version >> state.major) {
        if (!fs::exists(data_dir / own_mark)) {
            throw std::runtime_error{"data_dir " + data_dir.string() +
                                     " is a PostgreSQL cluster that tallyd did not make: choose "
                                     "another data_dir, or set database.url to use that server"};
        }
        state.exists = true;
        return state;
    }

    // A kill in the middle of the creation; nothing in it is worth keeping.
    if (fs::exists(data_dir / initdb_folder)) {
        state.interrupted = true;
        return state;
    }

    // Refused rather than filled: the folder may have been named by mistake.
    for (auto const& entry : fs::directory_iterator{data_dir}) {
        if (!is_of_no_account(entry.path().filename().string())) {
            throw std::runtime_error{"data_dir " + data_dir.string() +
                                     " is not empty and holds no PostgreSQL cluster (there is \"" +
                                     entry.path().filename().string() +
                                     "\"): choose another data_dir"};
        }
    }
    return state;
}

void own_data_dir(fs::path const& data_dir, process_identity const& owner) {
    // 0700, as PostgreSQL demands it of its data directory.
    fs::create_directories(data_dir);
    if (chmod(data_dir.c_str(), 0700) != 0) {
        throw failed("cannot set the mode of", data_dir);
    }

    // A data_dir that is the owner's already has been given away completely, see below.
    struct stat info {};
    if (!owner.drops_privileges ||
        (stat(data_dir.c_str(), &info) == 0 && info.st_uid == owner.user)) {
        return;
    }
    for (auto const& entry : fs::recursive_directory_iterator{data_dir}) {
        if (lchown(entry.path().c_str(), owner.user, owner.group) != 0) {
            throw failed("cannot give away", entry.path());
        }
    }
    // Last: the owner of data_dir tells whether its content is done.
    if (chown(data_dir.c_str(), owner.user, owner.group) != 0) {
        throw failed("cannot give away", data_dir);
    }
}

void create_cluster(fs::path const& data_dir, postgres_binaries const& binaries,
                    process_identity const& owner, bool synced) {
    // Created in a folder of its own and moved when it is complete, so that a kill leaves no half
    // cluster.
    remove_interrupted(data_dir);
    fs::path const folder = data_dir / initdb_folder;
    fs::create_directory(folder);
    if (chmod(folder.c_str(), 0700) != 0 ||
        (owner.drops_privileges && chown(folder.c_str(), owner.user, owner.group) != 0)) {
        throw failed("cannot prepare", folder);
    }
    process_spec spec;
    spec.identity = owner;
    spec.working_folder = data_dir;
    spec.log_file = data_dir / "postgres.log";
    spec.signal_at_parent_death = SIGTERM;
    run_initdb(folder, spec, binaries, synced);

    // "trust" is safe here: who may enter the folder of the socket owns the files of the database
    // as well.
    write_file(folder / "pg_hba.conf",
               "# Only the Unix socket, and only who may enter its folder (mode 0700).\n"
               "local all         all trust\n"
               "local replication all trust\n",
               owner);
    write_file(folder / own_mark, "# filled at the first start\n", owner);
    std::ofstream{folder / "postgresql.conf", std::ios::app} << "\ninclude = '" << own_mark
                                                             << "'\n";
    move_up(folder, data_dir);
}

void write_configuration(fs::path const& data_dir, process_identity const& owner,
                         std::int64_t memory_bytes) {
    // Renamed when it is complete, or a kill could leave a file that the server cannot read.
    fs::path const fresh = data_dir / (std::string{own_mark} + ".new");
    write_file(fresh, configuration(memory_bytes != 0 ? memory_bytes : buffers_for_this_machine()),
               owner);
    fs::rename(fresh, data_dir / own_mark);
}

fs::path choose_socket_folder(fs::path const& data_dir, process_identity const& owner) {
    // libpq treats a comma as the end of a host name.
    bool const has_comma = data_dir.string().find(',') != std::string::npos;
    if (data_dir.string().size() <= socket_folder_bytes_max && !has_comma) {
        return data_dir;
    }

    // A folder of this user, named by a hash of data_dir, so that each data_dir has its own.
    char const* runtime = owner.drops_privileges ? nullptr : std::getenv("XDG_RUNTIME_DIR");
    fs::path const parent = runtime != nullptr && fs::is_directory(runtime) ? runtime : "/tmp";
    auto const mark = std::hash<std::string>{}(data_dir.string());
    fs::path const folder =
        parent / ("tallyd-" + std::to_string(owner.user) + "-" + std::to_string(mark));
    make_private_folder(folder, owner);
    return folder;
}

std::optional<postmaster_file> read_postmaster_file(fs::path const& data_dir) {
    // Lines: pid, data directory, start time, port, first socket folder, listen address, ...
    std::ifstream input{data_dir / "postmaster.pid"};
    postmaster_file file;
    std::string folder;
    std::string started;
    std::string pid;
    if (!std::getline(input, pid)) {
        return std::nullopt;
    }
    std::from_chars(pid.data(), pid.data() + pid.size(), file.pid);
    std::getline(input, folder);
    std::getline(input, started);
    std::getline(input, file.port);
    std::getline(input, file.socket_folder);
    return file;
}

bool is_server_of(pid_t pid, fs::path const& data_dir) {
    // The pid may belong to another process by now, so the name and the working folder decide.
    if (pid <= 1 || (kill(pid, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    fs::path const process = "/proc/" + std::to_string(pid);
    std::string name;
    std::ifstream{process / "comm"} >> name;
    std::error_code unknown;
    fs::path const folder = fs::read_symlink(process / "cwd", unknown);
    return name.starts_with("postgres") && !unknown && fs::equivalent(folder, data_dir, unknown);
}

cluster_lock::~cluster_lock() {
    release();
}

void cluster_lock::release() noexcept {
    if (descriptor_ >= 0) {
        close(descriptor_);
        descriptor_ = -1;
    }
}

bool cluster_lock::try_lock(fs::path const& file, process_identity const& owner, int operation) {
    // flock() belongs to the open file: the kernel releases it at our end, also after a kill.
    int const opened = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0) {
        throw failed("cannot open", file);
    }
    if (flock(opened, operation | LOCK_NB) != 0) {
        close(opened);
        return false;
    }
    descriptor_ = opened;
    if (owner.drops_privileges && fchown(opened, owner.user, owner.group) != 0) {
        throw failed("cannot give away", file);
    }
    return true;
}

bool cluster_lock::try_own(fs::path const& data_dir, process_identity const& owner,
                           std::string& holder) {
    fs::path const file = data_dir / "tallyd.lock";
    if (!try_lock(file, owner, LOCK_EX)) {
        std::ifstream{file} >> holder;
        return false;
    }

    // For the message of one that finds it locked. Truncated, since the old pid may have been
    // longer.
    std::string const text = std::to_string(getpid()) + "\n";
    if (ftruncate(descriptor_, 0) != 0 ||
        pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        throw failed("cannot write", file);
    }
    return true;
}

bool cluster_lock::try_visit(fs::path const& data_dir, process_identity const& owner) {
    return try_lock(data_dir / "tallyd.guests", owner, LOCK_SH);
}

bool cluster_lock::try_close(fs::path const& data_dir, process_identity const& owner) {
    return try_lock(data_dir / "tallyd.guests", owner, LOCK_EX);
}

} // namespace tally::storage
