#include "daemon/pipeline/lane_thread.hpp"

namespace tally::daemon {

lane_thread::lane_thread(lane& stepped)
    : lane_{stepped}, thread_{[&stepped] {
          auto next = stepped.step(lane::clock::now());
          while (!next.is_over) {
              stepped.await_slice(next.wait);
              next = stepped.step(lane::clock::now());
          }
      }} {}

lane_thread::~lane_thread() {
    // No new slices, no further retries, no request under way: only then is the thread sure to end.
    lane_.close();
    lane_.give_up();
    lane_.cancel();
    thread_.join();
}

} // namespace tally::daemon
