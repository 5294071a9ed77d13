#include "daemon/threads/failure_report.hpp"

#include <spdlog/spdlog.h>

namespace tally::daemon {

void failure_report::report(std::string_view part, std::string_view reason) noexcept {
    spdlog::critical("event=internal_failure part={} error=\"{}\"", part, reason);
    failed_.store(true, std::memory_order_release);
}

} // namespace tally::daemon
