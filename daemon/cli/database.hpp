#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tally::daemon {

/// How a command uses the embedded server.
enum class database_use : std::uint8_t {
    owned,  ///< `run`: starts the server; it is an error when another tallyd already runs it
    shared, ///< other commands: use the server of a tallyd that runs on the same data_dir
};

/// The database of the settings: database.url, or the embedded server, which the constructor starts
/// or attaches to. The destructor stops a server that this object started. The owner is the
/// command, or the daemon's main thread: the embedded server ends with the thread that made this
/// object.
class database {
  public:
    /// Throws std::runtime_error whose text says what to do. Does not connect to a database.url: a
    /// daemon works while its database is unavailable.
    database(config::settings const& settings, database_use use);
    ~database();
    database(database const&) = delete;
    database& operator=(database const&) = delete;

    /// For libpq. Contains a password only when database.url does.
    [[nodiscard]] std::string const& connection_string() const noexcept;
    [[nodiscard]] bool is_embedded() const noexcept;
    /// The embedded server belongs to another tallyd.
    [[nodiscard]] bool is_attached() const noexcept;

    /// Restarts an embedded server that died; call it about once a second, from the thread that
    /// made this object. True when it was restarted. Throws when that fails; the next call tries
    /// again.
    bool supervise();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
