#include "daemon/effects/metrics.hpp"

#include "daemon/monitor/metrics.hpp"

namespace tally::daemon {

effects_observer effects_observer_of(metrics& counters) {
    auto& effects = counters.effects;
    return {.applied =
                [&effects](storage::effect_counts const& done) {
                    effects.total.add({"applied"}, static_cast<std::uint64_t>(done.applied));
                    effects.total.add({"suspended"}, static_cast<std::uint64_t>(done.suspended));
                },
            .waiting =
                [&effects](storage::waiting_effects const& left) {
                    effects.pending.set(static_cast<std::uint64_t>(left.count));
                    effects.oldest_seconds.set(left.oldest_s);
                }};
}

} // namespace tally::daemon
