#pragma once

#include "config/settings.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

/// The composition root of `tallyd run`: builds every part in order, runs until a signal, and
/// destroys the parts in the opposite order. Main thread only.
class service {
  public:
    struct options {
        config::settings settings;
        bool migrate = false;             ///< bring the schema up to date before starting
        bool skip_journal_damage = false; ///< the operator accepts the loss
        /// Reads the settings again, for SIGHUP. Returns the problems; the settings are only valid
        /// when there are none.
        std::function<std::vector<std::string>(config::settings&)> reload;
    };

    explicit service(options settings);
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
