#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tally::daemon {

/// How a command wants its database.
enum class database_use : std::uint8_t {
    owned,  ///< `run`: the embedded server is ours alone, or it is an error
    shared, ///< other commands: use the server of a tallyd that runs on the same data_dir
};

/// The database that the settings name: database.url, or the embedded server, started or attached
/// to. Stops what it started when it goes. Kept by the command, or by the daemon's main thread: the
/// embedded server ends with the thread that opened this.
class database {
  public:
    /// Throws std::runtime_error with what to do. Does not connect to a database.url: a daemon
    /// works while its database is away.
    database(config::settings const& settings, database_use use);
    ~database();
    database(database const&) = delete;
    database& operator=(database const&) = delete;

    /// For libpq; holds no more secrets than database.url does.
    [[nodiscard]] std::string const& connection_string() const noexcept;
    [[nodiscard]] bool is_embedded() const noexcept;
    /// The embedded server belongs to another tallyd.
    [[nodiscard]] bool is_attached() const noexcept;

    /// Starts an embedded server that died; to be called every second or so, from the thread that
    /// made this object. True when it was started again. Throws when that fails; call it again.
    bool supervise();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
