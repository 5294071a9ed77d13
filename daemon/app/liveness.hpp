#pragma once

#include "daemon/monitor/admin_status.hpp"
#include "daemon/threads/heartbeat.hpp"

#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

namespace tally::daemon {

/// Looks at the heartbeats of all parts. A part that has work and gets no further for standing_max
/// stands still: the daemon is then not ready. Filled at the start, before other threads read.
class liveness {
  public:
    using clock = heartbeat::clock;
    /// Far more than a step of any part takes, a slow disk included.
    static constexpr std::chrono::seconds standing_max{30};
    using gauge = std::function<void(std::string_view part, std::int64_t seconds)>;

    /// `pulse` must outlive the use of this object.
    void watch(heartbeat const& pulse) { parts_.push_back({&pulse, false}); }

    /// Reports how long each part has stood, and logs once when one begins to stand still and when
    /// it goes on. One thread.
    void look(clock::time_point now, gauge const& report);
    /// Any thread.
    [[nodiscard]] std::vector<part_status> parts(clock::time_point now) const;

  private:
    struct watched_part {
        heartbeat const* pulse;
        bool is_logged; ///< as standing still; used by look() only
    };
    std::vector<watched_part> parts_;
};

} // namespace tally::daemon
