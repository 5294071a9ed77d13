#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/net/connection_observer.hpp"
#include "ingest/record/push_observer.hpp"
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

/// All metrics. A metric without labels is in /metrics from the start, one with labels from its
/// first count on.
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

/// The daemon's metrics: one object, made by the composition root and called by all parts. Any
/// thread; counters are added to per batch or request, never per record.
///
/// While no record arrives:
///
///     received = accepted + rejected
///     accepted = committed + duplicate + suspended + under way
///
/// The HTTP and TCP sessions count the first three by counted(); a reader of files calls
/// received(), accepted() and rejected() together when its block is done; lanes count the others
/// after COMMIT. A suspended record was counted when it arrived: a retry of it only counts in
/// suspense_retried().
class metrics final : public ingest::push_observer, public ingest::connection_observer {
  public:
    metrics();
    ~metrics() override;

    /// Prometheus text exposition format, version 0.0.4.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] metric_totals totals() const;

    // Records that arrive.
    void received(std::string_view source, std::string_view kind, std::uint64_t count) noexcept;
    void accepted(std::uint64_t count) noexcept;
    void rejected(ingest::record_error reason, std::uint64_t count) noexcept;

    // The outcome of accepted records, after COMMIT.
    void committed(std::string_view kind, std::uint64_t count) noexcept;
    void duplicate(std::uint64_t count) noexcept;
    void suspended(ingest::record_error reason, std::uint64_t count) noexcept;
    void rated_amount(std::string_view currency, rating::amount_sum cost) noexcept;

    // The write path.
    void observe_commit_seconds(double seconds) noexcept;
    void observe_batch_rows(std::uint64_t rows) noexcept;
    void set_lane_queue(std::size_t lane, std::uint64_t records) noexcept;
    /// `reason`: one of a bounded set, "transient", "stale", "duplicate", "position_lost" ...
    void retry(std::string_view reason) noexcept;
    void set_database_up(bool up) noexcept;
    void set_partition_horizon(std::int64_t seconds) noexcept;
    void set_part_standing(std::string_view part, std::int64_t seconds) noexcept;
    void set_tcp_connections(std::size_t open) noexcept;
    void set_journal(std::uint64_t bytes, std::int64_t oldest_s) noexcept;
    void set_journal_missing(std::uint64_t records) noexcept;
    void observe_journal_fsync_seconds(double seconds) noexcept;
    /// The number of records in ingest.suspense that wait for this reason. Once set, a reason keeps
    /// its value: the caller sets it to 0 when no record waits for it any longer.
    void set_suspense_waiting(std::string_view reason, std::uint64_t count) noexcept;
    void set_suspense_oldest(std::int64_t seconds) noexcept;
    /// `outcome`: "stored", "duplicate" or "waiting".
    void suspense_retried(std::string_view outcome, std::uint64_t count) noexcept;
    /// `outcome`: "done" or "failed".
    void maintenance_run(std::string_view job, std::string_view outcome) noexcept;

    /// Sets where warning() is logged; call it before any thread starts. `log` is called at most
    /// once per second.
    void on_warning(std::function<void(std::string_view)> log);

    // ingest::push_observer
    void counted(ingest::push_counts const& counts) noexcept override;
    void acknowledged(double seconds) noexcept override;

    // ingest::connection_observer
    void answered(std::string_view endpoint, unsigned status) noexcept override;
    void warning(std::string_view text) noexcept override;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
