#pragma once

#include "daemon/pipeline/lane.hpp"

#include <thread>

namespace tally::daemon {

/// The thread of a lane, which only steps it.
///
/// The destructor gives the lane up and waits for the thread. The lane outlives it.
class lane_thread {
  public:
    explicit lane_thread(lane& stepped);
    ~lane_thread();
    lane_thread(lane_thread const&) = delete;
    lane_thread& operator=(lane_thread const&) = delete;

  private:
    lane& lane_;
    std::thread thread_;
};

} // namespace tally::daemon
