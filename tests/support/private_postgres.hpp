#pragma once

#include <csignal>
#include <string>

namespace tally::tests {

/// Where the servers of the tests, and of the daemons that they start, come from: the environment's
/// TALLYD_POSTGRES_BIN_DIR, as tallyd itself takes it; empty: the newest that is installed.
std::string postgres_bin_dir();

/// A real PostgreSQL of this test program's own: a private cluster in a temporary folder, Unix
/// socket only, never as root, started at first use, stopped and removed at the program's end (also
/// when it is killed). Durability is left on, as in production.
class private_postgres {
  public:
    /// The program's cluster; starts it the first time. Throws std::runtime_error when it cannot.
    static private_postgres& shared();

    /// Connection string of a new empty database.
    std::string empty_database();
    /// Connection string of a new database with all migrations applied (cloned from a template).
    std::string migrated_database();

    /// A copy of a database as it is now, its open sessions ended; gives its connection string.
    [[nodiscard]] std::string copy_database(std::string const& connection_string);
    /// Puts the copy into the place of the database, whose sessions are ended: from then on it is
    /// as it was when the copy was made.
    void replace_database(std::string const& connection_string, std::string const& copy);

    /// Ends the server with this signal (SIGKILL; SIGQUIT is its immediate shutdown) and starts it
    /// again.
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
