#include "daemon/pipeline/settings.hpp"

namespace tally::daemon {

pipeline_options pipeline_options_of(config::settings const& settings) {
    return {.lanes = static_cast<std::uint32_t>(settings.lanes),
            .memory_bytes_max = settings.lane_memory_bytes_max,
            .aside_bytes_max = static_cast<std::size_t>(settings.lane_memory_bytes_max) / 4,
            .batch_rows_max = static_cast<std::size_t>(settings.batch_max_rows),
            .linger_max = std::chrono::milliseconds{settings.batch_max_linger_ms},
            .grow_max = std::chrono::milliseconds{settings.batch_max_grow_ms},
            .import_id = {}};
}

} // namespace tally::daemon
