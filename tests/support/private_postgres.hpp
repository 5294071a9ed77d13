#pragma once

#include <csignal>
#include <string>

namespace tally::tests {

/// The folder of the PostgreSQL binaries for the tests and for the daemons that they start: the
/// environment variable TALLYD_POSTGRES_BIN_DIR, which tallyd uses, too; empty: the newest
/// installed.
std::string postgres_bin_dir();

/// The private PostgreSQL of a test program: a real cluster in a temporary folder, on a Unix socket
/// only, never as root. It is started at the first use, and stopped and removed at the end of the
/// program, even if that is killed. Durability is on, as in production.
class private_postgres {
  public:
    /// The cluster of this program; the first call starts it. Throws std::runtime_error on failure.
    static private_postgres& shared();

    /// Connection string of a new empty database.
    std::string empty_database();
    /// Connection string of a new database with all migrations applied (cloned from a template).
    std::string migrated_database();

    /// Ends the sessions of a database and copies it. Returns the copy's connection string.
    [[nodiscard]] std::string copy_database(std::string const& connection_string);
    /// Ends the sessions of the database and replaces it by the copy: it is then as it was when the
    /// copy was made.
    void replace_database(std::string const& connection_string, std::string const& copy);

    /// Ends the server with this signal (SIGKILL, or SIGQUIT for an immediate shutdown) and starts
    /// it again.
    void crash_and_restart(int signal = SIGKILL);
    void stop();
    void start();

    private_postgres(private_postgres const&) = delete;
    private_postgres& operator=(private_postgres const&) = delete;

  private:
    private_postgres();
    ~private_postgres();
    struct impl;
    impl* impl_;
};

} // namespace tally::tests
