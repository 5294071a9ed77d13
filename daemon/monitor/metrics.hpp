#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/http/http_observer.hpp"
#include "rating/money/money.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tally::daemon {

enum class metric_type : std::uint8_t { counter, gauge, histogram };

/// One row of the table of metrics.
struct metric_row {
    std::string_view name;
    metric_type type;
    std::string_view labels; ///< comma-separated, or empty
    std::string_view help;
};

/// Every metric there is; each of them is in /metrics from the start or from its first label on.
std::span<const metric_row> metric_rows() noexcept;

/// Sums over all labels, for /status and the end of a run.
struct metric_totals {
    std::uint64_t received = 0;
    std::uint64_t accepted = 0;
    std::uint64_t rejected = 0;
    std::uint64_t committed = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t suspended = 0;

    friend bool operator==(metric_totals const&, metric_totals const&) = default;
};

/// The daemon's metrics: one object, made by the composition root, told by everything else. Any
/// thread; counters are added per batch or request, never per record.
///
/// At any quiet moment: received = accepted + rejected, accepted = committed + duplicate +
/// suspended + under way. The HTTP side counts the first three by itself (counted()); a reader of
/// files or streams calls received(), accepted() and rejected() together when its block is done;
/// lanes call the rest after COMMIT. A suspended record that is tried again was counted when it
/// came, and moves suspense_retried() only.
class metrics final : public ingest::http_observer {
  public:
    metrics();
    ~metrics() override;

    /// Prometheus text exposition format, version 0.0.4.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] metric_totals totals() const;

    // Records on their way in.
    void received(std::string_view source, std::string_view kind, std::uint64_t count) noexcept;
    void accepted(std::uint64_t count) noexcept;
    void rejected(ingest::record_error reason, std::uint64_t count) noexcept;

    // What became of accepted records; after COMMIT.
    void committed(std::string_view kind, std::uint64_t count) noexcept;
    void duplicate(std::uint64_t count) noexcept;
    void suspended(ingest::record_error reason, std::uint64_t count) noexcept;
    void rated_amount(std::string_view currency, rating::amount_sum cost) noexcept;

    // The write path.
    void observe_commit_seconds(double seconds) noexcept;
    void observe_batch_rows(std::uint64_t rows) noexcept;
    void set_lane_queue(std::size_t lane, std::uint64_t records) noexcept;
    /// `reason` out of a bounded set: "transient", "stale", "duplicate", "position_lost" ...
    void retry(std::string_view reason) noexcept;
    void set_database_up(bool up) noexcept;
    void set_partition_horizon(std::int64_t seconds) noexcept;
    void set_tcp_connections(std::size_t open) noexcept;
    void set_journal(std::uint64_t bytes, std::int64_t oldest_s) noexcept;
    void observe_journal_fsync_seconds(double seconds) noexcept;
    /// Those of ingest.suspense that wait for this reason; all reasons that were ever told of have
    /// to be told of, with 0 when none wait.
    void set_suspense_waiting(std::string_view reason, std::uint64_t count) noexcept;
    void set_suspense_oldest(std::int64_t seconds) noexcept;
    /// `outcome`: "stored", "duplicate" or "waiting".
    void suspense_retried(std::string_view outcome, std::uint64_t count) noexcept;
    /// `outcome`: "done" or "failed".
    void maintenance_run(std::string_view job, std::string_view outcome) noexcept;

    /// Where trouble() goes; set before any thread starts. Called at most once a second.
    void on_trouble(std::function<void(std::string_view)> log);

    // ingest::http_observer
    void answered(std::string_view endpoint, unsigned status) noexcept override;
    void counted(ingest::push_counts const& counts) noexcept override;
    void acknowledged(double seconds) noexcept override;
    void trouble(std::string_view what) noexcept override;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
