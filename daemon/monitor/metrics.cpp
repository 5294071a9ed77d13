#include "daemon/monitor/metrics.hpp"

#include "ingest/base/record_error.hpp"

#include <chrono>
#include <utility>

namespace tally::daemon {

namespace {

/// A server without file descriptors warns ten times a second; the log needs it once.
constexpr std::int64_t warning_pause_ns = 1'000'000'000;

} // namespace

metric_totals metrics::totals() const {
    // Prometheus counts in doubles, which are exact up to 2^53.
    auto const whole = [](double value) { return static_cast<std::uint64_t>(value); };
    return {.received = whole(records.received.sum()),
            .accepted = whole(records.accepted.value()),
            .rejected = whole(records.rejected.sum()),
            .committed = whole(records.committed.sum()),
            .duplicate = whole(records.duplicate.value()),
            .suspended = whole(records.suspended.sum())};
}

void metrics::counted(ingest::push_counts const& counts) noexcept {
    // R3: received = accepted + rejected, so all three are counted from one report.
    records.received.add({counts.source, counts.kind}, counts.received);
    records.accepted.add(counts.accepted);
    for (std::size_t i = 0; i < counts.rejected.size(); ++i) {
        if (counts.rejected[i] != 0) {
            auto const reason = static_cast<ingest::record_error>(i);
            records.rejected.add({code(reason)}, counts.rejected[i]);
        }
    }
}

void metrics::acknowledged(double seconds) noexcept {
    http.ack_seconds.observe(seconds);
}

/// Called for every response, also for those that no handler has made: these have no endpoint.
void metrics::answered(std::string_view endpoint, unsigned status) noexcept {
    http.requests.add({endpoint.empty() ? "none" : endpoint, std::to_string(status)}, 1);
}

void metrics::on_warning(std::function<void(std::string_view)> log) {
    log_ = std::move(log);
}

void metrics::warning(std::string_view text) noexcept {
    std::int64_t const now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    std::int64_t next_ns = next_warning_ns_.load(std::memory_order_relaxed);

    // Of several threads that come at once, the one that moves the time logs.
    if (!log_ || now_ns < next_ns ||
        !next_warning_ns_.compare_exchange_strong(next_ns, now_ns + warning_pause_ns)) {
        return;
    }
    log_(text);
}

} // namespace tally::daemon
