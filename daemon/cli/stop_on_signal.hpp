#pragma once

#include "daemon/cli/signals.hpp"

#include <cstdint>

namespace tally::daemon {

/// Whether a job should end before its work does.
enum class stop_request : std::uint8_t {
    none,
    gently,  ///< read no more, wait for what is under way
    at_once, ///< do not even wait
};

/// Signals as a wish to stop: the first gently, the second at once. One thread.
class stop_on_signal {
  public:
    /// What has been asked for so far; never less than before.
    stop_request ask() {
        while (signals_.wait(std::chrono::milliseconds{0})) {
            request_ =
                request_ == stop_request::none ? stop_request::gently : stop_request::at_once;
        }
        return request_;
    }
    [[nodiscard]] signals const& source() const noexcept { return signals_; }

  private:
    signals signals_;
    stop_request request_ = stop_request::none;
};

} // namespace tally::daemon
