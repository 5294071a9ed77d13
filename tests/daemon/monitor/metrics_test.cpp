#include "daemon/monitor/labeled_counters.hpp"
#include "daemon/monitor/metrics.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using daemon::metrics;
using ingest::record_error;

/// Value of the sample whose name and labels are `series`, or "".
std::string sample(metrics const& all, std::string const& series) {
    std::string const text = "\n" + all.text();
    std::size_t const index = text.find("\n" + series + " ");
    if (index == std::string::npos)
        return {};
    std::size_t const begin = index + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
}

void touch_everything(metrics& all) {
    all.records.received.add({"local", "cdr"}, 1);
    all.records.accepted.add(1);
    all.records.rejected.add({code(record_error::bad_time)}, 1);
    all.records.committed.add({"cdr"}, 1);
    all.records.duplicate.add(1);
    all.records.suspended.add({code(record_error::no_rate)}, 1);
    all.lanes.rated_amount.add({"EUR"}, 1e-9);
    all.answered("/v1/cdrs", 202);
    all.acknowledged(0.1);
    all.lanes.commit_seconds.observe(0.1);
    all.lanes.batch_rows.observe(1);
    all.lanes.queue_records.set("0", 1);
    all.lanes.retries.add({"transient"}, 1);
    all.database.up.set(true);
    all.database.partition_horizon_seconds.set(1);
    all.journal.bytes.set(2);
    all.journal.oldest_seconds.set(3);
    all.tcp.connections.set(7);
    all.journal.fsync_seconds.observe(0.001);
    all.journal.missing_records.set(4);
    all.liveness.standing_seconds.set("lane 0", 5);
    all.upkeep.maintenance_runs.add({"rollup", "done"}, 1);
    all.suspense.waiting.set("no_rate", 1);
    all.suspense.oldest_seconds.set(1);
    all.suspense.retried.add({"stored"}, 1);
    all.effects.pending.set(1);
    all.effects.oldest_seconds.set(1);
    all.effects.total.add({"applied"}, 1);
}

TEST(metrics, every_row_of_the_table_is_scraped) {
    metrics all;
    touch_everything(all);
    std::string const text = all.text();
    static constexpr std::string_view types[] = {"counter", "gauge", "histogram"};
    for (daemon::metric_row const& row : all.rows()) {
        std::string const name{row.name};
        EXPECT_NE(text.find("# HELP " + name + " " + std::string{row.help}), std::string::npos)
            << name;
        EXPECT_NE(text.find("# TYPE " + name + " " +
                            std::string{types[static_cast<std::size_t>(row.type)]}),
                  std::string::npos)
            << name;
    }
    EXPECT_EQ(std::count(text.begin(), text.end(), '\0'), 0);
}

TEST(metrics, knows_no_metric_outside_the_table) {
    metrics all;
    touch_everything(all);
    std::string const text = all.text();
    std::size_t families = 0;
    for (std::size_t index = text.find("# TYPE "); index != std::string::npos;
         index = text.find("# TYPE ", index + 1))
        ++families;
    EXPECT_EQ(families, all.rows().size());
}

TEST(metrics, names_are_a_contract) {
    metrics const all;
    std::vector<std::string_view> names;
    for (daemon::metric_row const& row : all.rows())
        names.push_back(row.name);
    std::vector<std::string_view> const released{"tally_records_received_total",
                                                 "tally_records_accepted_total",
                                                 "tally_records_rejected_total",
                                                 "tally_records_duplicate_total",
                                                 "tally_records_committed_total",
                                                 "tally_records_suspended_total",
                                                 "tally_http_requests_total",
                                                 "tally_ack_seconds",
                                                 "tally_commit_seconds",
                                                 "tally_batch_rows",
                                                 "tally_rated_amount_total",
                                                 "tally_lane_queue_records",
                                                 "tally_retries_total",
                                                 "tally_database_up",
                                                 "tally_partition_horizon_seconds",
                                                 "tally_tcp_connections",
                                                 "tally_journal_bytes",
                                                 "tally_journal_oldest_seconds",
                                                 "tally_journal_fsync_seconds",
                                                 "tally_journal_missing_records",
                                                 "tally_part_standing_still_seconds",
                                                 "tally_maintenance_runs_total",
                                                 "tally_suspense_waiting",
                                                 "tally_suspense_oldest_seconds",
                                                 "tally_suspense_retried_total",
                                                 "tally_effects_pending",
                                                 "tally_effects_oldest_seconds",
                                                 "tally_effects_total"};
    EXPECT_EQ(names, released);
}

// Dashboards and alerts depend on every byte of it.
TEST(metrics, text_is_a_contract) {
    metrics all;
    touch_everything(all);
    std::ifstream file{TALLY_SOURCE_DIR "/tests/daemon/monitor/metrics.txt"};
    std::string const released{std::istreambuf_iterator<char>{file}, {}};
    EXPECT_EQ(all.text(), released);
}

TEST(metrics, adds_by_label) {
    metrics all;
    all.records.received.add({"pbx \"7\"", "cdr"}, 3);
    all.records.received.add({"pbx \"7\"", "cdr"}, 4);
    all.records.received.add({"other", "cdr"}, 5);
    EXPECT_EQ(sample(all, R"(tally_records_received_total{kind="cdr",source="pbx \"7\""})"), "7");
    EXPECT_EQ(sample(all, R"(tally_records_received_total{kind="cdr",source="other"})"), "5");
    all.records.rejected.add({code(record_error::missing_field)}, 2);
    EXPECT_EQ(sample(all, R"(tally_records_rejected_total{reason="missing_field"})"), "2");
    all.answered("", 400);
    EXPECT_EQ(sample(all, R"(tally_http_requests_total{endpoint="none",status="400"})"), "1");
    all.lanes.rated_amount.add({"USD"}, 1.5);
    EXPECT_EQ(sample(all, R"(tally_rated_amount_total{currency="USD"})"), "1.5");
    all.lanes.queue_records.set("3", 17);
    all.liveness.standing_seconds.set("lane 1", 31);
    EXPECT_EQ(sample(all, R"(tally_part_standing_still_seconds{part="lane 1"})"), "31");
    EXPECT_EQ(sample(all, R"(tally_lane_queue_records{lane="3"})"), "17");
    all.database.up.set(true);
    EXPECT_EQ(sample(all, "tally_database_up"), "1");
    all.database.partition_horizon_seconds.set(-60);
    EXPECT_EQ(sample(all, "tally_partition_horizon_seconds"), "-60");
    all.lanes.batch_rows.observe(250);
    EXPECT_EQ(sample(all, R"(tally_batch_rows_bucket{le="100"})"), "0");
    EXPECT_EQ(sample(all, R"(tally_batch_rows_bucket{le="300"})"), "1");
}

TEST(metrics, counts_a_push_so_that_the_sums_agree) {
    metrics all;
    ingest::push_counts counts{.source = "local", .kind = "cdr", .received = 5, .accepted = 3};
    counts.rejected[static_cast<std::size_t>(record_error::bad_time)] = 1;
    counts.rejected[static_cast<std::size_t>(record_error::bad_uuid)] = 1;
    all.counted(counts);
    all.counted(counts);
    all.records.committed.add({"cdr"}, 3);
    all.records.duplicate.add(2);
    all.records.suspended.add({code(record_error::no_rate)}, 1);
    daemon::metric_totals const expected{.received = 10,
                                         .accepted = 6,
                                         .rejected = 4,
                                         .committed = 3,
                                         .duplicate = 2,
                                         .suspended = 1};
    EXPECT_EQ(all.totals(), expected);
}

TEST(metrics, bounds_the_labels_that_others_name) {
    metrics all;
    for (std::size_t i = 0; i < daemon::labeled_counters::combinations_max + 100; ++i)
        all.records.received.add({"source " + std::to_string(i), "cdr"}, 1);
    EXPECT_EQ(sample(all, R"(tally_records_received_total{kind="other",source="other"})"), "100");
    EXPECT_EQ(sample(all, R"(tally_records_received_total{kind="cdr",source="source 7"})"), "1");
    EXPECT_EQ(all.totals().received, daemon::labeled_counters::combinations_max + 100);
}

TEST(metrics, loses_no_count_between_threads) {
    metrics all;
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 5'000; ++n) {
                all.records.accepted.add(1);
                all.records.committed.add({n % 2 == 0 ? "cdr" : "usage"}, 1);
                if (n % 1'000 == 0) {
                    EXPECT_FALSE(all.text().empty());
                }
            }
        });
    }
    for (std::jthread& thread : threads)
        thread.join();
    EXPECT_EQ(all.totals().accepted, 20'000u);
    EXPECT_EQ(all.totals().committed, 20'000u);
}

TEST(metrics, passes_trouble_on_but_not_every_time) {
    metrics all;
    all.warning("nobody listens yet");
    std::vector<std::string> lines;
    all.on_warning([&](std::string_view text) { lines.emplace_back(text); });
    for (int i = 0; i < 100; ++i)
        all.warning("no descriptors");
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.front(), "no descriptors");
    EXPECT_LT(lines.size(), 100u);
}

} // namespace
} // namespace tally::tests
