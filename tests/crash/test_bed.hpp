#pragma once

#include "tests/crash/load.hpp"
#include "tests/support/cutting_proxy.hpp"
#include "tests/support/daemon_process.hpp"

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tally::crash {

struct bed_options {
    std::string tallyd;              ///< the binary
    std::filesystem::path disk;      ///< library that makes the journal's disk fail
    std::filesystem::path folder;    ///< of journals and logs
    std::uint64_t journal_bytes = 0; ///< limit of a journal; 0: the default
    std::string database;            ///< migrated and empty; not given: one of the private server
    bool retains = false;            ///< journals keep what is stored, as by default
};

/// The settings with which a daemon is started.
struct daemon_plan {
    unsigned lanes = 2;
    bool through_proxy = false; ///< its database connections can be cut
    bool on_failing_disk = false;
};

/// A database with the rig's telecom, and up to two daemons that write to it, each with its own
/// journal, which outlives the daemon. Used by the main thread; PostgreSQL ends with that thread.
class test_bed {
  public:
    explicit test_bed(bed_options options);
    ~test_bed();
    test_bed(test_bed const&) = delete;
    test_bed& operator=(test_bed const&) = delete;

    [[nodiscard]] std::string const& database() const noexcept { return database_; }
    [[nodiscard]] std::filesystem::path const& folder() const noexcept { return options_.folder; }
    [[nodiscard]] std::string const& tallyd() const noexcept { return options_.tallyd; }
    /// Not for a database that was given.
    [[nodiscard]] tests::cutting_proxy& proxy() noexcept { return *proxy_; }

    /// Starts a daemon and gives its port to the load. Throws, with its log, when it does not
    /// start.
    void start(std::size_t daemon, daemon_plan plan, load& target);
    /// kill -9.
    void kill(std::size_t daemon, load& target);
    /// Sends SIGTERM; the daemon first stores what it holds. Returns the exit code.
    int stop(std::size_t daemon, load& target);
    /// Waits for the end of a daemon that has got a signal. Returns the exit code.
    int wait(std::size_t daemon, load& target);
    void send(std::size_t daemon, int signal) const { daemons_[daemon]->send(signal); }
    [[nodiscard]] bool is_running(std::size_t daemon) const { return daemons_[daemon] != nullptr; }
    [[nodiscard]] tests::daemon_process& daemon(std::size_t which) { return *daemons_[which]; }

    /// Process ids of the database sessions of lanes.
    [[nodiscard]] std::vector<pid_t> lane_sessions() const;
    /// The number of segments in a daemon's journal.
    [[nodiscard]] std::size_t segments(std::size_t daemon) const;
    /// The result of writes to the journal's disk from now on: 0, ENOSPC, EIO.
    void set_disk_error(int error) const;
    /// The settings of a command that uses the database.
    [[nodiscard]] std::map<std::string, std::string> environment() const;

  private:
    void end(std::size_t daemon, load& target);
    [[nodiscard]] std::filesystem::path journal(std::size_t daemon) const;
    [[nodiscard]] std::filesystem::path disk_switch() const { return options_.folder / "disk"; }

    bed_options options_;
    std::string database_;
    std::unique_ptr<tests::cutting_proxy> proxy_;
    std::array<std::unique_ptr<tests::daemon_process>, load::daemons_max> daemons_;
};

} // namespace tally::crash
