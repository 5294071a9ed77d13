#include "daemon/app/liveness.hpp"

#include <spdlog/spdlog.h>

namespace tally::daemon {

namespace {

std::int64_t whole_seconds(heartbeat::clock::duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

} // namespace

void liveness::look(clock::time_point now, gauge const& report) {
    for (auto& each : parts_) {
        auto const reading = each.pulse->read(now);
        auto const standing = reading.standing();
        report(each.pulse->part(), whole_seconds(standing));

        // Logged when it begins and when it ends, not at every look.
        bool const is_still = standing > standing_max;
        if (is_still && !each.is_logged) {
            spdlog::critical("event=part_stands_still part=\"{}\" seconds={} detail=\"{}\"",
                             each.pulse->part(), whole_seconds(standing),
                             reading.state == part_state::refused_by_database
                                 ? "the database refuses it: " + each.pulse->detail()
                             : reading.state == part_state::awaiting_answer
                                 ? "the database does not answer"
                                 : "it has work and gets no further: a disk that hangs, or a fault "
                                   "of tallyd");
        } else if (!is_still && each.is_logged) {
            spdlog::info("event=part_goes_on part=\"{}\"", each.pulse->part());
        }
        each.is_logged = is_still;
    }
}

/// Called by the admin endpoint's threads, beside look() on the main thread.
std::vector<part_status> liveness::parts(clock::time_point now) const {
    std::vector<part_status> found;
    for (auto const& each : parts_) {
        auto const reading = each.pulse->read(now);
        found.push_back({each.pulse->part(), name_of(reading.state), whole_seconds(reading.time),
                         reading.standing() > standing_max,
                         reading.state == part_state::refused_by_database ? each.pulse->detail()
                                                                          : std::string{}});
    }
    return found;
}

} // namespace tally::daemon
