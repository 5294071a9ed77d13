#pragma once

#include "config/settings.hpp"
#include "daemon/upkeep/maintenance_schedule.hpp"
#include "storage/admin/maintenance.hpp"

#include <string_view>
#include <vector>

namespace tally::daemon {

// Converts the settings of partitions and maintenance into the options of storage/.

storage::partition_policy partition_policy_of(config::settings const& s);
storage::maintenance_options maintenance_options_of(config::settings const& s, ingest::time_us now);

/// A job of storage::maintenance_jobs(), and when the daemon runs it.
struct scheduled_job {
    std::string_view name;
    cadence schedule;
};
/// Empty when maintenance is switched off.
std::vector<scheduled_job> scheduled_jobs_of(config::settings const& s);

} // namespace tally::daemon
