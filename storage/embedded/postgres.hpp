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
    std::string run_as_user;         ///< if we are root; empty: see choose_identity
    std::filesystem::path bin_dir;   ///< empty: the newest installed server
    std::string database = "tallyd"; ///< created if it does not exist
    bool may_attach = false;         ///< use the server of another tallyd on this data_dir
    /// If set, stop() waits until all guests of our server have finished: for a command that
    /// happened to start the server before them. Called once if there are any.
    std::function<void()> waits_for_guests;
    std::int64_t memory_bytes = 0; ///< shared_buffers; 0: an eighth of the machine's memory
    bool sync_new_cluster = true;  ///< false: for tests, which need not survive a power failure
    std::chrono::milliseconds start_time_max{60'000};
    std::chrono::milliseconds stop_time_max{60'000};
};

/// The result of supervise().
enum class server_state : std::uint8_t {
    running,   ///< also if it belongs to another tallyd
    restarted, ///< it had died and runs again, with everything that was committed
};

/// A private PostgreSQL server in data_dir: on a Unix socket only, in a folder of mode 0700, never
/// as root. The daemon, and commands that need a database, use it if no database is configured.
///
/// One tallyd owns a data_dir (flock). It starts the server and stops it at its own end. If it is
/// killed, the kernel sends the server a signal to stop; the next start stops one that is left.
/// With may_attach another process uses the running server (a guest) and does not stop it.
///
/// start() and supervise() must be called from a thread that lives as long as the server should:
/// Linux ties the server's end to the thread that started it.
class embedded_postgres {
  public:
    explicit embedded_postgres(embedded_options options);
    ~embedded_postgres(); ///< stops the server if it started it
    embedded_postgres(embedded_postgres const&) = delete;
    embedded_postgres& operator=(embedded_postgres const&) = delete;

    /// Returns when the server accepts connections and the database exists. Throws
    /// std::runtime_error that says what is wrong with data_dir or the server, and names its log.
    void start();

    /// Fast shutdown (clients are disconnected, a checkpoint is written); after stop_time_max
    /// immediate shutdown. Does nothing if the server belongs to another tallyd.
    void stop() noexcept;

    /// To be called about every second. Restarts a server that died. Throws like start() if that
    /// fails; may be called again afterwards.
    server_state supervise();

    [[nodiscard]] bool is_attached() const noexcept;
    [[nodiscard]] pid_t server_pid() const noexcept; ///< 0 if attached or stopped
    [[nodiscard]] std::filesystem::path log_file() const;
    /// libpq keywords and values, for the database of the options or for another database.
    [[nodiscard]] std::string connection_string() const;
    [[nodiscard]] std::string connection_string(std::string const& database) const;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::storage
