#include "daemon/app/schema_watch.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace tally::daemon {

namespace {

/// Between two attempts to reach the database: soon enough for a start, slow enough for the log.
constexpr std::chrono::milliseconds retry_after{1000};

} // namespace

schema_watch::schema_watch(options settings, loss_observer lost)
    : options_{std::move(settings)}, lost_{std::move(lost)}, probe_{options_.connection_string,
                                                                    "tallyd check"} {}

schema_watch::~schema_watch() {
    stop();
}

void schema_watch::start() {
    thread_.start([this] { run(); });
}

void schema_watch::stop() noexcept {
    // The thread may be waiting for a server that does not answer.
    thread_.stop([this] { probe_.cancel(); });
}

void schema_watch::run() noexcept {
    while (!thread_.is_stopping()) {
        try {
            state_ = attempt();
        } catch (std::exception const& error) {
            spdlog::error("event=schema_not_checked error=\"{}\"", error.what());
        }

        // Ready or refused is final: a schema is checked at the start only.
        pulse_.rest();
        if (state_ != schema_state::unreachable) {
            return;
        }

        // Remembered, so that a drain does not wait for a database that has not been reached yet.
        has_missed_ = true;
        thread_.pause(retry_after);
    }
}

/// The probe can be canceled while it connects, so a stop does not wait for a server that does not
/// answer. The check is then made with a server that does.
schema_state schema_watch::attempt() {
    database_wait const waiting{pulse_};
    if (auto const status = probe_.open(); !status.ok()) {
        if (!thread_.is_stopping()) {
            spdlog::warn("event=database_not_reached retry_in_ms={} error=\"{}\"",
                         retry_after.count(), status.detail);
            lost_(status.detail);
        }
        return schema_state::unreachable;
    }

    probe_.close();
    return try_schema(options_.connection_string, options_.migrate);
}

} // namespace tally::daemon
