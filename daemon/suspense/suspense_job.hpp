#pragma once

#include "config/settings.hpp"
#include "daemon/cli/stop_on_signal.hpp"
#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/suspense/suspense_filter.hpp"

#include <memory>
#include <string>

namespace tally::daemon {

/// What `suspense retry` and `rerate --suspense` are told.
struct suspense_job {
    storage::suspense_filter which;
    bool is_dry_run = false;
    bool as_json = false;
};

/// Tries suspended records again, shows how far it is, prints what became of them. Gives the exit
/// code; throws std::runtime_error when the database refuses.
int retry_suspense(config::settings const& settings, std::string const& connection_string,
                   suspense_job const& job, stop_on_signal& stop);

/// As they are at this moment; throw std::runtime_error when the database refuses.
std::shared_ptr<rating::catalog const> catalog_now(std::string const& connection_string);
std::shared_ptr<ingest::source_table const> sources_now(std::string const& connection_string);

} // namespace tally::daemon
