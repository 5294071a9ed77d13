#pragma once

#include "daemon/import_job.hpp"
#include "daemon/signals.hpp"

namespace tally::daemon {

/// Signals as a wish to stop: the first gently, the second at once. One thread.
class import_stop {
  public:
    /// What has been asked for so far; never less than before.
    stop_request ask() {
        while (told_.wait(std::chrono::milliseconds{0})) {
            asked_ = asked_ == stop_request::none ? stop_request::gently : stop_request::at_once;
        }
        return asked_;
    }
    [[nodiscard]] signals const& told() const noexcept { return told_; }

  private:
    signals told_;
    stop_request asked_ = stop_request::none;
};

} // namespace tally::daemon
