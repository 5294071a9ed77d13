#include "daemon/suspense/metrics.hpp"

#include "daemon/monitor/lane_monitor.hpp"
#include "daemon/monitor/metrics.hpp"

#include <algorithm>
#include <map>

namespace tally::daemon {

namespace {

/// Seconds from the oldest waiting record to now; 0 when none waits.
std::int64_t age_s(std::vector<storage::waiting_reason> const& reasons) {
    auto const now = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    auto oldest = now;
    for (auto const& each : reasons) {
        oldest = std::min(oldest, each.oldest);
    }
    return (now - oldest) / ingest::us_per_s;
}

/// Remembers the reasons that were reported before: one for which no record waits any longer is set
/// to 0, since a gauge keeps its last value.
auto waiting_counter(metrics& counters) {
    return [&counters, counts = std::map<std::string, std::uint64_t>{}](
               std::vector<storage::waiting_reason> const& reasons) mutable {
        for (auto& [reason, count] : counts) {
            count = 0;
        }
        for (auto const& each : reasons) {
            counts[each.reason] = static_cast<std::uint64_t>(each.records);
        }

        for (auto const& [reason, count] : counts) {
            counters.suspense.waiting.set(reason, count);
        }
        counters.suspense.oldest_seconds.set(age_s(reasons));
    };
}

} // namespace

/// Retries count money in the lanes' metric, so that the sum over all charges is in one place.
suspense_observer suspense_observer_of(metrics& counters, lane_monitor& money) {
    return {.waiting = waiting_counter(counters),
            .tried =
                [&retried = counters.suspense.retried](retry_counts const& counts) {
                    retried.add({"stored"}, counts.stored);
                    retried.add({"duplicate"}, counts.duplicate);
                    retried.add({"waiting"}, counts.tried - counts.stored - counts.duplicate);
                },
            .stored = [&money](storage::batch const& rows) { money.count_money(rows); }};
}

} // namespace tally::daemon
