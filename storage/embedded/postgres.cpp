#include "storage/embedded/postgres.hpp"

#include "storage/embedded/cluster.hpp"
#include "storage/postgres/server_hosts.hpp"
#include "storage/postgres/sql_session.hpp"

#include <csignal>
#include <optional>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace tally::storage {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds poll_interval{10};

/// How long the child processes of a killed server may take to notice that (they watch a pipe).
constexpr std::chrono::seconds orphan_time_max{30};

// Checked at each start only: the server itself logs little.
constexpr std::uintmax_t log_bytes_max = 16U << 20;

/// Quotes a value for a libpq connection string.
std::string quoted(std::string const& value) {
    std::string text = "'";
    for (char c : value) {
        if (c == '\'' || c == '\\') {
            text += '\\';
        }
        text += c;
    }
    return text + "'";
}

/// Quotes an entry of the server's list of socket folders.
std::string list_entry(std::string const& folder) {
    std::string text = "\"";
    for (char c : folder) {
        text += c;
        if (c == '"') {
            text += c;
        }
    }
    return text + "\"";
}

std::string connection_text(fs::path const& folder, std::string const& port,
                            std::string const& database) {
    return "host=" + quoted(folder.string()) + " port=" + port +
           " user=tallyd dbname=" + quoted(database);
}

void make_database(std::string const& maintenance, std::string const& name) {
    try {
        // CREATE DATABASE takes no parameters, so the server quotes the name.
        sql_session session{maintenance, "tallyd"};
        auto const missing =
            session.query_value("SELECT format('CREATE DATABASE %I', $1::text) WHERE NOT EXISTS "
                                "(SELECT FROM pg_database WHERE datname = $1)",
                                {name});
        if (missing) {
            session.execute(*missing);
        }
    } catch (database_error const& refused) {
        // Another process may create it between the two statements, which is as good.
        if (refused.sqlstate() != "42P04") {
            throw std::runtime_error{"cannot make database " + name + ": " + refused.what()};
        }
    }
}

void rotate_log(fs::path const& file) {
    // One old file is kept. A failure is ignored: a long log must not prevent the start.
    std::error_code ignored;
    if (fs::file_size(file, ignored) > log_bytes_max && !ignored) {
        fs::rename(file, file.string() + ".1", ignored);
    }
}

} // namespace

struct embedded_postgres::impl {
    embedded_options options;
    process_identity identity;
    cluster_lock lock;
    cluster_lock guests; ///< shared as a guest, exclusive while we stop the server
    process_spec spec;
    child_process server;
    fs::path socket_folder;
    std::string port = "5432";
    bool attached = false;
    std::string why_not_attached;

    explicit impl(embedded_options given) : options{std::move(given)} {
        // Absolute, since the child has another working folder; without a slash at the end, which
        // would make the last component empty.
        options.data_dir = fs::absolute(options.data_dir).lexically_normal();
        if (!options.data_dir.has_filename()) {
            options.data_dir = options.data_dir.parent_path();
        }
    }

    fs::path log_file() const { return options.data_dir / "postgres.log"; }

    std::string connection_to(std::string const& database) const {
        return connection_text(socket_folder, port, database);
    }

    std::runtime_error server_error(std::string const& text) const {
        return std::runtime_error{text + "\n" + tail_of(log_file()) +
                                  "\n(log: " + log_file().string() + ")"};
    }

    // --- ownership of the data directory ---

    bool take_lock() {
        std::string holder;
        if (lock.is_held() || lock.try_own(options.data_dir, identity, holder)) {
            return true;
        }
        if (!options.may_attach) {
            throw std::runtime_error{"data_dir " + options.data_dir.string() +
                                     " belongs to another running tallyd (pid " + holder + ")"};
        }
        return false;
    }

    void make_cluster_if_needed(cluster_state const& state) {
        auto const major = state.exists ? std::optional{state.major} : std::nullopt;
        postgres_binaries binaries;
        try {
            binaries = find_postgres(options.bin_dir, major);
        } catch (std::runtime_error const& missing) {
            throw std::runtime_error{(major ? "data_dir " + options.data_dir.string() +
                                                  " was made by PostgreSQL " +
                                                  std::to_string(*major) + ": "
                                            : std::string{}) +
                                     missing.what()};
        }
        if (!state.exists) {
            create_cluster(options.data_dir, binaries, identity, options.sync_new_cluster);
        }
        spec.program = binaries.folder / "postgres";
    }

    /// Stops a server whose tallyd was killed.
    void stop_orphan() {
        auto const file = read_postmaster_file(options.data_dir);
        if (!file) {
            return;
        }

        // Fast shutdown first; after its time immediate shutdown, then a kill.
        auto const deadline = clock::now() + options.stop_time_max;
        for (int number = SIGINT; is_server_of(file->pid, options.data_dir);) {
            kill(file->pid, number);
            if (clock::now() > deadline) {
                number = number == SIGINT ? SIGQUIT : SIGKILL;
            }
            std::this_thread::sleep_for(poll_interval);
        }
        // If another process has the pid of the dead server by now, the file would prevent our
        // start. The shared memory block still protects against processes of the old server.
        std::error_code ignored;
        fs::remove(options.data_dir / "postmaster.pid", ignored);
    }

    // --- our own server ---

    void prepare_spec() {
        socket_folder = choose_socket_folder(options.data_dir, identity);
        spec.identity = identity;
        spec.working_folder = options.data_dir;
        spec.log_file = log_file();
        spec.signal_at_parent_death = SIGINT;
        // The command line overrides all files: none of them can open the server to the network.
        spec.arguments = {"-D", options.data_dir.string(),
                          "-c", "listen_addresses=",
                          "-c", "port=" + port,
                          "-c", "unix_socket_directories=" + list_entry(socket_folder.string()),
                          "-c", "unix_socket_permissions=0700",
                          "-c", "logging_collector=off"};
    }

    /// True when the server accepts connections; false if processes of a killed server still hold
    /// the shared memory.
    bool launch() {
        // It is asked without a login, so it answers even while it refuses connections.
        server.start(spec);
        std::string const probe = connection_to("postgres");
        auto deadline = clock::now() + options.start_time_max;
        while (clock::now() < deadline) {
            server_answer const answer = ask_server(probe);
            if (answer == server_answer::ready) {
                return true;
            }
            if (answer == server_answer::busy) {
                // It is recovering after a crash, which may take long.
                deadline = clock::now() + options.start_time_max;
            }

            // The log is the only place where the server says why it has ended.
            if (auto const status = server.wait(poll_interval)) {
                if (tail_of(log_file(), 1000).find("shared memory block") != std::string::npos) {
                    return false;
                }
                throw server_error("PostgreSQL did not start: " +
                                   describe_wait_status(*status, spec));
            }
        }
        stop_server();
        throw server_error("PostgreSQL does not take connections");
    }

    void launch_until_free() {
        // Processes of the old server that still run would write to the same files.
        auto const deadline = clock::now() + orphan_time_max;
        while (!launch()) {
            if (clock::now() > deadline) {
                throw server_error("processes of an earlier PostgreSQL are still running");
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
        make_database(connection_to("postgres"), options.database);
    }

    void stop_server() noexcept {
        // SIGINT disconnects clients and writes a checkpoint; SIGQUIT writes none, and the next
        // start recovers.
        server.signal(SIGINT);
        if (!server.wait(options.stop_time_max) && server.is_started()) {
            server.signal(SIGQUIT);
            if (!server.wait(std::chrono::seconds{10}) && server.is_started()) {
                server.signal(SIGKILL);
                (void)server.wait(std::chrono::seconds{10});
            }
        }
    }

    // --- the server of another tallyd ---

    void find_running(postmaster_file const& file) {
        socket_folder = file.socket_folder;
        port = file.port;
    }

    /// Becomes a guest; false if there is no server yet, or no longer.
    bool try_attach() {
        auto const file = read_postmaster_file(options.data_dir);
        if (!file || file->socket_folder.empty() || !guests.try_visit(options.data_dir, identity)) {
            return false;
        }
        find_running(*file);
        try {
            make_database(connection_to("postgres"), options.database);
            attached = true;
        } catch (std::runtime_error const& refused) { // it is starting or stopping
            why_not_attached = refused.what();
            guests.release();
        }
        return attached;
    }

    /// False if the owner has ended meanwhile and this process has become the owner.
    bool attach() {
        // The owner may be starting, stopping, or dead; each is seen by trying again.
        auto const deadline = clock::now() + options.start_time_max;
        while (clock::now() < deadline) {
            if (try_attach()) {
                return true;
            }
            if (take_lock()) {
                return false;
            }
            std::this_thread::sleep_for(poll_interval);
        }
        throw server_error("the PostgreSQL of the tallyd that runs on " +
                           options.data_dir.string() +
                           " does not take connections: " + why_not_attached);
    }

    void let_guests_finish() {
        // A guest in the middle of its work would lose its connection.
        bool const may_go = !options.waits_for_guests;
        if (guests.try_close(options.data_dir, identity) || may_go) {
            return;
        }
        options.waits_for_guests();
        while (!guests.try_close(options.data_dir, identity)) {
            std::this_thread::sleep_for(poll_interval);
        }
    }

    void start_own() {
        // The order matters: binaries depend on the cluster's version, and an old server must be
        // gone before its configuration is replaced.
        cluster_state const state = inspect_cluster(options.data_dir);
        rotate_log(log_file());
        make_cluster_if_needed(state);
        stop_orphan();
        write_configuration(options.data_dir, identity, options.memory_bytes);
        prepare_spec();
        launch_until_free();
    }
};

embedded_postgres::embedded_postgres(embedded_options options)
    : impl_{std::make_unique<impl>(std::move(options))} {}

embedded_postgres::~embedded_postgres() {
    stop();
}

void embedded_postgres::start() {
    impl& self = *impl_;
    (void)inspect_cluster(self.options.data_dir); // throws before anything is changed
    self.identity = choose_identity(self.options.run_as_user, self.options.data_dir / "PG_VERSION");
    own_data_dir(self.options.data_dir, self.identity);
    if (!self.take_lock() && self.attach()) {
        return;
    }
    try {
        self.start_own();
    } catch (...) {
        self.stop_server();
        self.lock.release();
        throw;
    }
}

void embedded_postgres::stop() noexcept {
    impl& self = *impl_;
    if (self.server.is_started()) {
        try {
            self.let_guests_finish();
        } catch (std::exception const&) {
            // The server must stop even if the guests' lock file cannot be used.
        }
        self.stop_server();

        std::error_code ignored;
        if (self.socket_folder != self.options.data_dir) {
            fs::remove(self.socket_folder, ignored);
        }
    }

    // Last: another tallyd may start the server as soon as the lock is free.
    self.attached = false;
    self.guests.release();
    self.lock.release();
}

server_state embedded_postgres::supervise() {
    impl& self = *impl_;
    if (self.attached || (self.server.is_started() && !self.server.poll())) {
        return server_state::running;
    }
    self.stop_orphan();
    self.launch_until_free();
    return server_state::restarted;
}

bool embedded_postgres::is_attached() const noexcept {
    return impl_->attached;
}

pid_t embedded_postgres::server_pid() const noexcept {
    return impl_->server.is_started() ? impl_->server.pid() : 0;
}

fs::path embedded_postgres::log_file() const {
    return impl_->log_file();
}

std::string embedded_postgres::connection_string() const {
    return connection_string(impl_->options.database);
}

std::string embedded_postgres::connection_string(std::string const& database) const {
    return impl_->connection_to(database);
}

} // namespace tally::storage
