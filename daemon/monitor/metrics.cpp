#include "daemon/monitor/metrics.hpp"

#include "daemon/monitor/labeled_counters.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace tally::daemon {

namespace {

/// The indices of the rows below.
enum row : std::size_t {
    records_received,
    records_accepted,
    records_rejected,
    records_duplicate,
    records_committed,
    records_suspended,
    http_requests,
    ack_seconds,
    commit_seconds,
    batch_rows,
    rated_amount_total,
    lane_queue_records,
    retries,
    database_up,
    partition_horizon,
    tcp_connections,
    journal_bytes,
    journal_oldest,
    journal_missing,
    journal_fsync,
    maintenance_runs,
    part_standing,
    suspense_waiting,
    suspense_oldest,
    suspense_retries,
    rows_count,
};

constexpr metric_row rows[] = {
    {"tally_records_received_total", metric_type::counter, "source,kind",
     "Records received, by source and kind."},
    {"tally_records_accepted_total", metric_type::counter, "",
     "Records accepted: committed, duplicate, suspended or still under way."},
    {"tally_records_rejected_total", metric_type::counter, "reason",
     "Records rejected and reported to their sender, by reason."},
    {"tally_records_duplicate_total", metric_type::counter, "",
     "Accepted records that were already stored."},
    {"tally_records_committed_total", metric_type::counter, "kind",
     "Accepted records committed to PostgreSQL, by kind."},
    {"tally_records_suspended_total", metric_type::counter, "reason",
     "Accepted records put into ingest.suspense, by reason."},
    {"tally_http_requests_total", metric_type::counter, "endpoint,status",
     "HTTP requests answered, by endpoint and status."},
    {"tally_ack_seconds", metric_type::histogram, "",
     "Time from the header of a push to its acknowledgement."},
    {"tally_commit_seconds", metric_type::histogram, "",
     "Time of a batch's transaction, from its first statement to the end of COMMIT."},
    {"tally_batch_rows", metric_type::histogram, "", "Records per batch."},
    {"tally_rated_amount_total", metric_type::counter, "currency",
     "Cost of committed records, in units of the currency; for trends, not for accounting."},
    {"tally_lane_queue_records", metric_type::gauge, "lane", "Records that wait for a lane."},
    {"tally_retries_total", metric_type::counter, "reason",
     "Retries of batches and of journal writes, by the reason of the failure."},
    {"tally_database_up", metric_type::gauge, "",
     "1 when the last request reached PostgreSQL, 0 when it did not."},
    {"tally_partition_horizon_seconds", metric_type::gauge, "",
     "Time from now to the end of the last partition."},
    {"tally_tcp_connections", metric_type::gauge, "", "Connections of tcp.listen that are open."},
    {"tally_journal_bytes", metric_type::gauge, "", "Disk space of the journal's segments."},
    {"tally_journal_oldest_seconds", metric_type::gauge, "",
     "Age of the oldest acknowledged push that is not in PostgreSQL yet; 0 when there is none."},
    {"tally_journal_missing_records", metric_type::gauge, "",
     "Acknowledged records that neither the journal nor PostgreSQL has."},
    {"tally_journal_fsync_seconds", metric_type::histogram, "",
     "Time to write a group of pushes to disk."},
    {"tally_maintenance_runs_total", metric_type::counter, "job,outcome",
     "Runs of maintenance jobs by this daemon, by job and outcome."},
    {"tally_part_standing_still_seconds", metric_type::gauge, "part",
     "How long a part of the daemon has had work and got no further; 0 when it waits for work or "
     "for "
     "PostgreSQL."},
    {"tally_suspense_waiting", metric_type::gauge, "reason",
     "Records that wait in ingest.suspense, by reason; counted once a minute."},
    {"tally_suspense_oldest_seconds", metric_type::gauge, "",
     "Age of the oldest record that waits in ingest.suspense; 0 when there is none."},
    {"tally_suspense_retried_total", metric_type::counter, "outcome",
     "Suspended records that this daemon retried automatically, by outcome."},
};
static_assert(std::size(rows) == rows_count);

/// 0.5 ms to 30 s: a switch's timeout is 5 s, the default of http.commit_timeout_ms is 30 s.
prometheus::Histogram::BucketBoundaries second_buckets() {
    return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}
prometheus::Histogram::BucketBoundaries row_buckets() {
    return {1, 3, 10, 30, 100, 300, 1'000, 3'000, 10'000, 30'000, 100'000};
}

template <class Family>
auto& family(prometheus::Registry& registry, row which) {
    return prometheus::detail::Builder<Family>()
        .Name(std::string{rows[which].name})
        .Help(std::string{rows[which].help})
        .Register(registry);
}

constexpr std::int64_t warning_pause_ns = 1'000'000'000;

} // namespace

std::span<const metric_row> metric_rows() noexcept {
    return rows;
}

struct metrics::impl {
    prometheus::Registry registry;
    labeled_counters received{registry, rows[records_received]};
    prometheus::Counter& accepted = plain_counter(records_accepted);
    labeled_counters rejected{registry, rows[records_rejected]};
    prometheus::Counter& duplicate = plain_counter(records_duplicate);
    labeled_counters committed{registry, rows[records_committed]};
    labeled_counters suspended{registry, rows[records_suspended]};
    labeled_counters requests{registry, rows[http_requests]};
    prometheus::Histogram& ack = histogram(ack_seconds, second_buckets());
    prometheus::Histogram& commit = histogram(commit_seconds, second_buckets());
    prometheus::Histogram& batch = histogram(batch_rows, row_buckets());
    labeled_counters rated{registry, rows[rated_amount_total]};
    prometheus::Family<prometheus::Gauge>& lanes =
        family<prometheus::Gauge>(registry, lane_queue_records);
    labeled_counters retried{registry, rows[retries]};
    prometheus::Gauge& up = family<prometheus::Gauge>(registry, database_up).Add({});
    prometheus::Gauge& horizon = family<prometheus::Gauge>(registry, partition_horizon).Add({});

    prometheus::Gauge& tcp_open = family<prometheus::Gauge>(registry, tcp_connections).Add({});
    prometheus::Gauge& journal_size = family<prometheus::Gauge>(registry, journal_bytes).Add({});
    prometheus::Gauge& journal_age = family<prometheus::Gauge>(registry, journal_oldest).Add({});
    prometheus::Gauge& missing = family<prometheus::Gauge>(registry, journal_missing).Add({});
    prometheus::Histogram& fsync = histogram(journal_fsync, second_buckets());
    labeled_counters maintained{registry, rows[maintenance_runs]};

    prometheus::Family<prometheus::Gauge>& standing =
        family<prometheus::Gauge>(registry, part_standing);
    prometheus::Family<prometheus::Gauge>& waiting =
        family<prometheus::Gauge>(registry, suspense_waiting);
    prometheus::Gauge& waiting_since = family<prometheus::Gauge>(registry, suspense_oldest).Add({});
    labeled_counters tried_again{registry, rows[suspense_retries]};

    std::function<void(std::string_view)> log;
    std::atomic<std::int64_t> next_warning_ns{0};

    prometheus::Counter& plain_counter(row which) {
        return family<prometheus::Counter>(registry, which).Add({});
    }
    prometheus::Histogram& histogram(row which,
                                     prometheus::Histogram::BucketBoundaries const& buckets) {
        return family<prometheus::Histogram>(registry, which).Add({}, buckets);
    }
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}
metrics::~metrics() = default;

std::string metrics::text() const {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, impl_->registry.Collect());
    return std::move(out).str();
}

metric_totals metrics::totals() const {
    auto const whole = [](double value) { return static_cast<std::uint64_t>(value); };
    return {.received = whole(impl_->received.sum()),
            .accepted = whole(impl_->accepted.Value()),
            .rejected = whole(impl_->rejected.sum()),
            .committed = whole(impl_->committed.sum()),
            .duplicate = whole(impl_->duplicate.Value()),
            .suspended = whole(impl_->suspended.sum())};
}

void metrics::received(std::string_view source, std::string_view kind,
                       std::uint64_t count) noexcept {
    impl_->received.add({source, kind}, static_cast<double>(count));
}

void metrics::accepted(std::uint64_t count) noexcept {
    impl_->accepted.Increment(static_cast<double>(count));
}

void metrics::rejected(ingest::record_error reason, std::uint64_t count) noexcept {
    impl_->rejected.add({code(reason)}, static_cast<double>(count));
}

void metrics::committed(std::string_view kind, std::uint64_t count) noexcept {
    impl_->committed.add({kind}, static_cast<double>(count));
}

void metrics::duplicate(std::uint64_t count) noexcept {
    impl_->duplicate.Increment(static_cast<double>(count));
}

void metrics::suspended(ingest::record_error reason, std::uint64_t count) noexcept {
    impl_->suspended.add({code(reason)}, static_cast<double>(count));
}

void metrics::rated_amount(std::string_view currency, rating::amount_sum cost) noexcept {
    impl_->rated.add({currency}, static_cast<double>(cost.nanos) / 1e9);
}

void metrics::observe_commit_seconds(double seconds) noexcept {
    impl_->commit.Observe(seconds);
}

void metrics::observe_batch_rows(std::uint64_t batch_rows) noexcept {
    impl_->batch.Observe(static_cast<double>(batch_rows));
}

void metrics::set_lane_queue(std::size_t lane, std::uint64_t records) noexcept {
    impl_->lanes.Add({{"lane", std::to_string(lane)}}).Set(static_cast<double>(records));
}

void metrics::retry(std::string_view reason) noexcept {
    impl_->retried.add({reason}, 1);
}

void metrics::set_database_up(bool up) noexcept {
    impl_->up.Set(up ? 1 : 0);
}

void metrics::set_partition_horizon(std::int64_t seconds) noexcept {
    impl_->horizon.Set(static_cast<double>(seconds));
}

void metrics::set_tcp_connections(std::size_t open) noexcept {
    impl_->tcp_open.Set(static_cast<double>(open));
}

void metrics::set_journal(std::uint64_t bytes, std::int64_t oldest_s) noexcept {
    impl_->journal_size.Set(static_cast<double>(bytes));
    impl_->journal_age.Set(static_cast<double>(oldest_s));
}

void metrics::set_journal_missing(std::uint64_t records) noexcept {
    impl_->missing.Set(static_cast<double>(records));
}

void metrics::observe_journal_fsync_seconds(double seconds) noexcept {
    impl_->fsync.Observe(seconds);
}

void metrics::maintenance_run(std::string_view job, std::string_view outcome) noexcept {
    impl_->maintained.add({job, outcome}, 1);
}

void metrics::set_part_standing(std::string_view part, std::int64_t seconds) noexcept {
    impl_->standing.Add({{"part", std::string{part}}}).Set(static_cast<double>(seconds));
}

void metrics::set_suspense_waiting(std::string_view reason, std::uint64_t count) noexcept {
    impl_->waiting.Add({{"reason", std::string{reason}}}).Set(static_cast<double>(count));
}

void metrics::set_suspense_oldest(std::int64_t seconds) noexcept {
    impl_->waiting_since.Set(static_cast<double>(seconds));
}

void metrics::suspense_retried(std::string_view outcome, std::uint64_t count) noexcept {
    impl_->tried_again.add({outcome}, static_cast<double>(count));
}

void metrics::answered(std::string_view endpoint, unsigned status) noexcept {
    impl_->requests.add({endpoint.empty() ? "none" : endpoint, std::to_string(status)}, 1);
}

void metrics::counted(ingest::push_counts const& counts) noexcept {
    received(counts.source, counts.kind, counts.received);
    accepted(counts.accepted);
    for (std::size_t i = 0; i < counts.rejected.size(); ++i) {
        if (counts.rejected[i] != 0) {
            rejected(static_cast<ingest::record_error>(i), counts.rejected[i]);
        }
    }
}

void metrics::acknowledged(double seconds) noexcept {
    impl_->ack.Observe(seconds);
}

void metrics::on_warning(std::function<void(std::string_view)> log) {
    impl_->log = std::move(log);
}

void metrics::warning(std::string_view text) noexcept {
    std::int64_t const now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    std::int64_t next_ns = impl_->next_warning_ns.load(std::memory_order_relaxed);
    if (!impl_->log || now_ns < next_ns ||
        !impl_->next_warning_ns.compare_exchange_strong(next_ns, now_ns + warning_pause_ns)) {
        return;
    }
    impl_->log(text);
}

} // namespace tally::daemon
