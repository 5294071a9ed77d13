#pragma once

#include "config/settings.hpp"
#include "daemon/pipeline/pipeline.hpp"

namespace tally::daemon {

/// Converts the settings of lanes into the options of a pipeline; without an import's id.
pipeline_options pipeline_options_of(config::settings const& settings);

} // namespace tally::daemon
