#pragma once

#include "daemon/cli/signals.hpp"

#include <cstdint>

namespace tally::daemon {

/// Whether a job should end before its work does.
enum class stop_request : std::uint8_t {
    none,
    gently,  ///< read nothing more, and finish the work under way
    at_once, ///< abandon the work under way, too
};

/// Turns signals into a stop request: the first one gently, the second one at once. One thread.
class stop_on_signal {
  public:
    /// The strongest request so far; it never becomes weaker.
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
