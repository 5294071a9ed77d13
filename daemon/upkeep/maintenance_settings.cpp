#include "daemon/upkeep/maintenance_settings.hpp"

namespace tally::daemon {

namespace {

/// How old rolled-up rows may be. The current month is exact at any moment, in a view.
constexpr std::chrono::minutes rollup_every{5};
/// A partition is sealed hours or days after its end, so one hour more does not matter.
constexpr std::chrono::minutes partitions_every{60};
/// ingest.batches grows by millions of rows a day under load: frequent runs delete few rows each.
constexpr std::chrono::minutes batches_every{60};

cadence at_appointment(config::settings const& s, std::string const& text) {
    return {.every = {},
            .appointment = config::parse_appointment(text).value_or(config::appointment{}),
            .zone = s.maintenance_time_zone};
}

} // namespace

/// One policy for the daemon, its lanes and the commands: all of them make partitions.
storage::partition_policy partition_policy_of(config::settings const& s) {
    return {.past_days = static_cast<std::int32_t>(s.partitions_past_days),
            .future_days = static_cast<std::int32_t>(s.partitions_future_days),
            .ahead_days = static_cast<std::int32_t>(s.partitions_ahead_days),
            .eager_indexes = s.partitions_index_policy == "eager"};
}

storage::maintenance_options maintenance_options_of(config::settings const& s,
                                                    ingest::time_us now) {
    return {.now = now,
            .dry_run = false,
            .partitions = partition_policy_of(s),
            .seal_after_hours = s.partitions_seal_after_hours,
            .batches_kept_days = s.maintenance_batches_kept_days};
}

std::vector<scheduled_job> scheduled_jobs_of(config::settings const& s) {
    if (!s.maintenance_enabled) {
        return {};
    }

    // Jobs that people notice (an expired subscription) run at an hour of the operator's choice.
    cadence const daily = at_appointment(s, s.maintenance_daily_at);
    cadence const weekly = at_appointment(s, s.maintenance_weekly_at);
    return {{"rollup", {.every = rollup_every, .appointment = {}, .zone = "UTC"}},
            {"partitions", {.every = partitions_every, .appointment = {}, .zone = "UTC"}},
            {"batches", {.every = batches_every, .appointment = {}, .zone = "UTC"}},
            {"cleanup-tokens", daily},
            {"expire-subscriptions", daily},
            {"cleanup-sessions", weekly}};
}

} // namespace tally::daemon
