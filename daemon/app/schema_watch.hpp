#pragma once

#include "daemon/cli/schema_gate.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "daemon/threads/paced_thread.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

namespace tally::daemon {

/// Waits, on a thread of its own, until the database can be reached and has the schema that this
/// binary writes to. Meanwhile the daemon already takes pushes.
class schema_watch {
  public:
    struct options {
        std::string connection_string;
        bool migrate = false; ///< bring the schema up to date
    };
    /// Called on the watch's thread after each attempt that does not reach the database.
    using loss_observer = std::function<void(std::string reason)>;

    schema_watch(options settings, loss_observer lost);
    ~schema_watch();
    schema_watch(schema_watch const&) = delete;
    schema_watch& operator=(schema_watch const&) = delete;

    void start();
    /// Cancels an attempt to connect, and waits for the end of a migration.
    void stop() noexcept;

    /// The outcome so far: `unreachable` until the database has answered. Any thread.
    [[nodiscard]] schema_state state() const noexcept { return state_; }
    /// Whether an attempt to reach the database has failed. Any thread.
    [[nodiscard]] bool has_missed() const noexcept { return has_missed_; }
    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }

  private:
    void run() noexcept;
    schema_state attempt();

    options options_;
    loss_observer lost_;
    heartbeat pulse_{"schema watch"};
    storage::pq_connection probe_;
    std::atomic<schema_state> state_{schema_state::unreachable};
    std::atomic<bool> has_missed_{false};
    paced_thread thread_;
};

} // namespace tally::daemon
