#pragma once

#include "storage/embedded/postgres.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace tally::crash {

/// Private PostgreSQL servers of which one takes writes and others follow it by asynchronous
/// streaming. The connection string names all of them, also those that do not run, as that of a
/// daemon with standbys does. Used by one thread; the servers end with it.
class replicated_servers {
  public:
    static constexpr std::size_t servers_max = 3;

    /// Starts the first server, with a migrated database. Throws, with the server's log.
    explicit replicated_servers(std::filesystem::path const& folder);
    ~replicated_servers();
    replicated_servers(replicated_servers const&) = delete;
    replicated_servers& operator=(replicated_servers const&) = delete;

    /// Of the server that takes writes, whichever it is.
    [[nodiscard]] std::string connection_string() const;
    [[nodiscard]] std::string connection_string(std::size_t index) const;
    [[nodiscard]] std::size_t primary() const noexcept { return primary_; }

    /// Replaces a server by a copy of another, which it follows from then on.
    void follow(std::size_t index, std::size_t origin);
    /// The standby receives nothing more: it falls behind.
    void hold_back(std::size_t standby) const;
    /// Ends the primary with this signal.
    void end_primary(int signal);
    /// Makes the standby the primary.
    void promote(std::size_t standby);

  private:
    [[nodiscard]] storage::embedded_options options_of(std::size_t index) const;
    [[nodiscard]] std::filesystem::path folder_of(std::size_t index) const;
    void copy(std::size_t origin, std::filesystem::path const& target) const;

    std::filesystem::path folder_;
    std::size_t primary_ = 0;
    std::array<std::unique_ptr<storage::embedded_postgres>, servers_max> servers_;
};

} // namespace tally::crash
