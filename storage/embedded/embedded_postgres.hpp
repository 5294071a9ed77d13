#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

namespace tally::storage {

struct embedded_options {
    std::filesystem::path data_dir;
    std::string run_as_user;         ///< when we are root; empty: see choose_identity
    std::filesystem::path bin_dir;   ///< empty: the newest installed
    std::string database = "tallyd"; ///< made when it is not there
    bool may_attach = false;         ///< use the server of another tallyd on this data_dir
    /// stop() lets those who attached to our server finish first: for a command, which only
    /// happened to be there before them. Called once when there are any.
    std::function<void()> waits_for_guests;
    std::int64_t memory_bytes = 0; ///< shared_buffers; 0: an eighth of the machine
    bool sync_new_cluster = true;  ///< false: for tests, which lose nothing in a power cut
    std::chrono::milliseconds start_time_max{60'000};
    std::chrono::milliseconds stop_time_max{60'000};
};

/// What supervise() saw.
enum class server_state : std::uint8_t {
    running,   ///< also when it belongs to another tallyd
    restarted, ///< it had died; it runs again, with all that was committed
};

/// A private PostgreSQL in data_dir: Unix socket only, in a folder of mode 0700, never as root.
/// Made by the daemon and by commands that need a database when none is configured.
///
/// One tallyd owns a data_dir (flock). It starts the server and stops it with itself; when it is
/// killed the server is told to stop by the kernel, and what is left is stopped by the next start.
/// With may_attach another process uses the running server and leaves it alone.
///
/// start() and supervise() have to be called from a thread that lives as long as the server should:
/// Linux ties the server's end to the thread that started it.
class embedded_postgres {
  public:
    explicit embedded_postgres(embedded_options options);
    ~embedded_postgres(); ///< stops what it started
    embedded_postgres(embedded_postgres const&) = delete;
    embedded_postgres& operator=(embedded_postgres const&) = delete;

    /// Returns when the server takes connections and the database exists. Throws
    /// std::runtime_error that says what is wrong with data_dir or the server, and where its log
    /// is.
    void start();

    /// Fast shutdown (clients are cut off, everything is checkpointed); after stop_time_max the
    /// quick one. Nothing when the server is another's.
    void stop() noexcept;

    /// To be called every second or so. Starts a server that died. Throws like start() when that
    /// fails; may be called again then.
    server_state supervise();

    [[nodiscard]] bool is_attached() const noexcept;
    [[nodiscard]] pid_t server_pid() const noexcept; ///< 0 when attached or stopped
    [[nodiscard]] std::filesystem::path log_file() const;
    /// libpq keywords and values, for the database of the options or for another one.
    [[nodiscard]] std::string connection_string() const;
    [[nodiscard]] std::string connection_string(std::string const& database) const;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::storage
