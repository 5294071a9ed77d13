#pragma once

#include "config/settings.hpp"
#include "daemon/cli/stop_on_signal.hpp"
#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/suspense/filter.hpp"

#include <memory>
#include <string>

namespace tally::daemon {

/// The options of `suspense retry` and `rerate --suspense`.
struct suspense_job {
    storage::suspense_filter filter;
    bool is_dry_run = false;
    bool as_json = false;
};

/// Retries suspended records, shows the progress and prints the outcome. Returns the exit code;
/// throws storage::command_error when a statement fails.
int retry_suspense(config::settings const& settings, std::string const& connection_string,
                   suspense_job const& job, stop_on_signal& stop);

/// Load the catalog and the sources as they are now. Throw storage::command_error when that fails.
std::shared_ptr<rating::catalog const> catalog_now(std::string const& connection_string);
std::shared_ptr<ingest::source_table const> sources_now(std::string const& connection_string);

} // namespace tally::daemon
