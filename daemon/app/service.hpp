#pragma once

#include "config/settings.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

/// The daemon as a whole: builds every part in order, runs until a signal, takes them down in the
/// opposite order. Main thread only.
class service {
  public:
    struct options {
        config::settings settings;
        bool migrate = false;             ///< bring the schema up to date before starting
        bool skip_journal_damage = false; ///< somebody has seen what is lost
        /// Reads the settings again for SIGHUP; problems instead of settings when there are any.
        std::function<std::vector<std::string>(config::settings&)> reload;
    };

    explicit service(options how);
    ~service();
    service(service const&) = delete;
    service& operator=(service const&) = delete;

    /// Starts everything, serves until SIGTERM or SIGINT, drains and stops. Returns the exit code.
    int run();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
