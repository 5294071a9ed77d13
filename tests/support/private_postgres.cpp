#include "tests/support/private_postgres.hpp"

#include "storage/embedded/postgres.hpp"
#include "storage/schema/migrations.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <libpq-fe.h>
#include <memory>
#include <mutex>
#include <spawn.h>
#include <stdexcept>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace tally::tests {
namespace {

namespace fs = std::filesystem;

constexpr auto template_name = "migrated_template";

fs::path make_folder() {
    std::string name = "/tmp/tallyd-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error{std::string{"mkdtemp: "} + std::strerror(errno)};
    }
    chmod(name.c_str(), 0711); // the server's user must be able to enter the folder
    return name;
}

/// A shell that outlives this program. When the program ends in any way, the shell's standard input
/// closes; it then waits for the server to end and removes the folder.
int start_reaper(fs::path const& folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error{"pipe failed"};
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    // The reaper must not keep the test's output open: a reader would wait for it.
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    std::string script = "cat >/dev/null; i=0; while [ -e \"$1/data/postmaster.pid\" ] && "
                         "[ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done; rm -rf \"$1\"";
    std::string path = folder.string();
    char shell[] = "sh";
    char option[] = "-c";
    char name[] = "tallyd-test-reaper";
    char* arguments[] = {shell, option, script.data(), name, path.data(), nullptr};
    pid_t reaper = -1;
    int const failed = posix_spawn(&reaper, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[0]);
    if (failed != 0) {
        throw std::runtime_error{std::string{"reaper: "} + std::strerror(failed)};
    }
    return ends[1];
}

void execute(std::string const& connection_string, std::string const& sql) {
    std::unique_ptr<PGconn, decltype(&PQfinish)> const connection{
        PQconnectdb(connection_string.c_str()), &PQfinish};
    std::unique_ptr<PGresult, decltype(&PQclear)> const rows{PQexec(connection.get(), sql.c_str()),
                                                             &PQclear};
    auto const status = PQresultStatus(rows.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        throw std::runtime_error{PQerrorMessage(connection.get())};
    }
}

storage::embedded_options options_in(fs::path const& folder) {
    storage::embedded_options options;
    options.data_dir = folder / "data";
    options.bin_dir = postgres_bin_dir();
    options.memory_bytes = 64 << 20;
    options.sync_new_cluster = false; // no test survives a power failure
    return options;
}

void migrate(std::string const& connection_string) {
    storage::migration_runner{connection_string, storage::embedded_migrations()}.up();
}

} // namespace

struct private_postgres::impl {
    fs::path folder = make_folder();
    int reaper = start_reaper(folder);
    storage::embedded_postgres server{options_in(folder)};
    std::mutex names; ///< guards the two members below
    int databases = 0;
    bool has_template = false;

    std::string next_name() { return "test_" + std::to_string(++databases); }

    std::string create(std::string const& name, std::string const& begin) {
        execute(server.connection_string("postgres"),
                "CREATE DATABASE " + name + " TEMPLATE " + begin);
        return server.connection_string(name);
    }

    void ensure_template() {
        if (!has_template) {
            migrate(create(template_name, "template0"));
            has_template = true;
        }
    }

    /// Runs a statement that needs the database without other sessions; clients may reconnect
    /// meanwhile, so it ends their sessions and tries again.
    void alone(std::string const& name, std::string const& statement) {
        auto const maintenance = server.connection_string("postgres");
        execute(maintenance, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
        execute(maintenance, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
                             "datname = '" +
                                 name + "'");
        execute(maintenance, statement);
        if (statement.starts_with("CREATE")) {
            execute(maintenance, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
        }
    }

    /// Copies the settings of ALTER DATABASE, which CREATE DATABASE ... TEMPLATE does not.
    void copy_settings(std::string const& name) {
        execute(server.connection_string("postgres"),
                "DO $$ DECLARE setting text; BEGIN FOR setting IN SELECT unnest(setconfig) FROM "
                "pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE s.setrole "
                "= 0 AND d.datname = '" +
                    std::string{template_name} + "' LOOP EXECUTE format('ALTER DATABASE " + name +
                    " SET %I = %s', split_part(setting, '=', 1), "
                    "substr(setting, strpos(setting, '=') + 1)); END LOOP; END $$");
    }
};

namespace {

/// The database name in a connection string of the server.
std::string name_in(std::string const& connection_string) {
    auto const cursor = connection_string.find("test_");
    return connection_string.substr(
        cursor, connection_string.find_first_not_of("test_0123456789", cursor) - cursor);
}

} // namespace

std::string postgres_bin_dir() {
    char const* folder = std::getenv("TALLYD_POSTGRES_BIN_DIR");
    return folder != nullptr ? folder : "";
}

private_postgres& private_postgres::shared() {
    static private_postgres only;
    return only;
}

private_postgres::private_postgres() : impl_{new impl} {
    try {
        impl_->server.start();
        // Otherwise recovery calls fsync on a few thousand files, which takes ten seconds.
        execute(impl_->server.connection_string("postgres"),
                "ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'");
        execute(impl_->server.connection_string("postgres"), "SELECT pg_reload_conf()");
    } catch (...) {
        delete impl_;
        throw;
    }
}

private_postgres::~private_postgres() {
    impl_->server.stop();
    close(impl_->reaper); // the reaper removes the folder
    delete impl_;
}

std::string private_postgres::empty_database() {
    std::lock_guard const guard{impl_->names};
    return impl_->create(impl_->next_name(), "template0");
}

std::string private_postgres::migrated_database() {
    std::lock_guard const guard{impl_->names};
    impl_->ensure_template();
    std::string const name = impl_->next_name();
    std::string connection_string = impl_->create(name, template_name);
    impl_->copy_settings(name);
    return connection_string;
}

std::string private_postgres::copy_database(std::string const& connection_string) {
    std::lock_guard const guard{impl_->names};
    auto const name = name_in(connection_string);
    auto const copy = impl_->next_name();
    impl_->alone(name, "CREATE DATABASE " + copy + " TEMPLATE " + name);
    impl_->copy_settings(copy);
    return impl_->server.connection_string(copy);
}

void private_postgres::replace_database(std::string const& connection_string,
                                        std::string const& copy) {
    std::lock_guard const guard{impl_->names};
    auto const name = name_in(connection_string);
    impl_->alone(name, "DROP DATABASE " + name);
    execute(impl_->server.connection_string("postgres"),
            "ALTER DATABASE " + name_in(copy) + " RENAME TO " + name);
}

void private_postgres::crash_and_restart(int signal) {
    kill(impl_->server.server_pid(), signal);
    // A checkpoint that is under way goes on without its postmaster and keeps a new one out, for
    // minutes on a slow disk. As the daemon does, try again.
    std::string problem = "it did not end";
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::minutes{5};
    while (std::chrono::steady_clock::now() < deadline) {
        try {
            if (impl_->server.supervise() == storage::server_state::restarted) {
                return;
            }
        } catch (std::runtime_error const& error) {
            problem = error.what();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    throw std::runtime_error{"the killed server did not come back: " + problem};
}

void private_postgres::stop() {
    impl_->server.stop();
}

void private_postgres::start() {
    impl_->server.start();
}

} // namespace tally::tests
