#pragma once

#include "daemon/monitor/labeled_counters.hpp"
#include "daemon/monitor/metric_registry.hpp"
#include "daemon/monitor/plain_metrics.hpp"
#include "ingest/net/connection_observer.hpp"
#include "ingest/record/push_observer.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tally::daemon {

// A struct per component, a member per metric: its name, its labels and its help are written here
// and nowhere else. One more metric is one more member. Counters are added to per batch or request,
// never per record.

/// 0.5 ms to 30 s: a switch's timeout is 5 s, the default of http.commit_timeout_ms is 30 s.
inline histogram_metric::buckets const second_buckets{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
inline histogram_metric::buckets const row_buckets{1,     3,     10,     30,     100,    300,
                                                   1'000, 3'000, 10'000, 30'000, 100'000};

struct component_metrics {
    metric_registry& registry; ///< the members of a component register in it
};

/// Records that arrive, and what becomes of them. While none arrives:
///
///     received = accepted + rejected
///     accepted = committed + duplicate + suspended + under way
///
/// The sessions of HTTP and TCP count the first three by metrics::counted(); lanes count the others
/// after COMMIT. A suspended record was counted when it arrived: a retry of it only counts in
/// suspense_metrics.
struct record_metrics : component_metrics {
    labeled_counters received{registry, "tally_records_received_total", "source,kind",
                              "Records received, by source and kind."};
    counter_metric accepted{registry, "tally_records_accepted_total",
                            "Records accepted: committed, duplicate, suspended or still under "
                            "way."};
    labeled_counters rejected{registry, "tally_records_rejected_total", "reason",
                              "Records rejected and reported to their sender, by reason."};
    counter_metric duplicate{registry, "tally_records_duplicate_total",
                             "Accepted records that were already stored."};
    labeled_counters committed{registry, "tally_records_committed_total", "kind",
                               "Accepted records committed to PostgreSQL, by kind."};
    labeled_counters suspended{registry, "tally_records_suspended_total", "reason",
                               "Accepted records put into ingest.suspense, by reason."};
};

struct http_metrics : component_metrics {
    labeled_counters requests{registry, "tally_http_requests_total", "endpoint,status",
                              "HTTP requests answered, by endpoint and status."};
    histogram_metric ack_seconds{registry, "tally_ack_seconds", second_buckets,
                                 "Time from the header of a push to its acknowledgement."};
};

/// The write path.
struct lane_metrics : component_metrics {
    histogram_metric commit_seconds{
        registry, "tally_commit_seconds", second_buckets,
        "Time of a batch's transaction, from its first statement to the end of COMMIT."};
    histogram_metric batch_rows{registry, "tally_batch_rows", row_buckets, "Records per batch."};
    /// Also of retries from suspense.
    labeled_counters rated_amount{
        registry, "tally_rated_amount_total", "currency",
        "Cost of committed records, in units of the currency; for trends, not for accounting."};
    labeled_gauges queue_records{registry, "tally_lane_queue_records", "lane",
                                 "Records that wait for a lane."};
    /// The reasons are a bounded set: those of storage::failure, and "journal".
    labeled_counters retries{registry, "tally_retries_total", "reason",
                             "Retries of batches and of journal writes, by the reason of the "
                             "failure."};
};

struct database_metrics : component_metrics {
    gauge_metric up{registry, "tally_database_up",
                    "1 when the last request reached PostgreSQL, 0 when it did not."};
    gauge_metric partition_horizon_seconds{registry, "tally_partition_horizon_seconds",
                                           "Time from now to the end of the last partition."};
};

struct tcp_metrics : component_metrics {
    gauge_metric connections{registry, "tally_tcp_connections",
                             "Connections of tcp.listen that are open."};
};

struct journal_metrics : component_metrics {
    gauge_metric bytes{registry, "tally_journal_bytes", "Disk space of the journal's segments."};
    gauge_metric oldest_seconds{registry, "tally_journal_oldest_seconds",
                                "Age of the oldest acknowledged push that is not in PostgreSQL "
                                "yet; 0 when there is none."};
    histogram_metric fsync_seconds{registry, "tally_journal_fsync_seconds", second_buckets,
                                   "Time to write a group of pushes to disk."};
    gauge_metric missing_records{
        registry, "tally_journal_missing_records",
        "Acknowledged records that neither the journal nor PostgreSQL has."};
};

struct liveness_metrics : component_metrics {
    labeled_gauges standing_seconds{registry, "tally_part_standing_still_seconds", "part",
                                    "How long a part of the daemon has had work and got no "
                                    "further; 0 when it waits for work or "
                                    "for PostgreSQL."};
};

struct upkeep_metrics : component_metrics {
    /// The outcome is "done" or "failed".
    labeled_counters maintenance_runs{
        registry, "tally_maintenance_runs_total", "job,outcome",
        "Runs of maintenance jobs by this daemon, by job and outcome."};
};

struct suspense_metrics : component_metrics {
    labeled_gauges waiting{
        registry, "tally_suspense_waiting", "reason",
        "Records that wait in ingest.suspense, by reason; counted once a minute."};
    gauge_metric oldest_seconds{registry, "tally_suspense_oldest_seconds",
                                "Age of the oldest record that waits in ingest.suspense; 0 when "
                                "there is none."};
    /// The outcome is "stored", "duplicate" or "waiting".
    labeled_counters retried{
        registry, "tally_suspense_retried_total", "outcome",
        "Suspended records that this daemon retried automatically, by outcome."};
};

/// What events change besides the facts of them (docs/ARCHITECTURE.md, R17).
struct effects_metrics : component_metrics {
    gauge_metric pending{registry, "tally_effects_pending",
                         "Effects of stored events that wait to be applied, of all daemons."};
    gauge_metric oldest_seconds{registry, "tally_effects_oldest_seconds",
                                "Age of the oldest effect that waits to be applied; 0 when none "
                                "waits."};
    /// The outcome is "applied" or "suspended".
    labeled_counters total{registry, "tally_effects_total", "outcome",
                           "Effects that this daemon applied, or whose events it put into "
                           "ingest.suspense because they were refused."};
};

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

/// The daemon's metrics: one object, made by the composition root and given to all components. Any
/// thread.
class metrics final : public ingest::push_observer, public ingest::connection_observer {
  private:
    metric_registry registry_; ///< the components register in it, in the order of /metrics

  public:
    record_metrics records{{registry_}};
    http_metrics http{{registry_}};
    lane_metrics lanes{{registry_}};
    database_metrics database{{registry_}};
    tcp_metrics tcp{{registry_}};
    journal_metrics journal{{registry_}};
    liveness_metrics liveness{{registry_}};
    upkeep_metrics upkeep{{registry_}};
    suspense_metrics suspense{{registry_}};
    effects_metrics effects{{registry_}};

    [[nodiscard]] std::string text() const { return registry_.text(); }
    [[nodiscard]] std::span<metric_row const> rows() const noexcept { return registry_.rows(); }
    [[nodiscard]] metric_totals totals() const;

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
    std::function<void(std::string_view)> log_;
    std::atomic<std::int64_t> next_warning_ns_{0};
};

} // namespace tally::daemon
