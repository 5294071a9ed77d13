#pragma once

#include <cstdint>
#include <string>

namespace tally::config {

/// All settings of an operator, with their defaults. The settings table (settings_table.hpp) has
/// one row per member: key, type, bounds, description.
struct settings {
    std::string environment = "development"; ///< "production" refuses demo data and reverting

    std::string database_url; ///< libpq connection string or URI; empty: embedded PostgreSQL
    std::string data_dir = "tallyd-data"; ///< cluster of the embedded server
    std::string postgres_user;    ///< system user of the embedded server when started as root;
                                  ///< empty: "postgres" if there is one, else "nobody"
    std::string postgres_bin_dir; ///< where initdb and postgres are; empty: newest installed

    std::string http_listen = "127.0.0.1:8080";
    std::int64_t http_threads = 2;
    std::int64_t http_body_bytes_max = 16 * 1024 * 1024; ///< as sent and as expanded
    std::int64_t http_connections_max = 1024;
    std::int64_t http_read_timeout_ms = 10'000;   ///< a client that stalls within a request
    std::int64_t http_idle_timeout_ms = 60'000;   ///< between requests
    std::int64_t http_commit_timeout_ms = 30'000; ///< from body read to durable, then 503

    std::string tcp_listen; ///< empty: off
    std::int64_t tcp_connections_max = 256;
    std::int64_t tcp_idle_timeout_ms = 600'000; ///< without a byte
    std::string admin_listen = "127.0.0.1:9464";

    std::string journal_dir = "tallyd-journal";
    std::int64_t journal_max_bytes = 4LL * 1024 * 1024 * 1024;
    std::int64_t journal_retain_s = 3600;
    std::int64_t journal_retain_bytes = 1LL * 1024 * 1024 * 1024;

    std::int64_t lanes = 2;
    std::int64_t lane_memory_bytes_max =
        128 * 1024 * 1024; ///< credit for input in progress, all lanes
    std::int64_t batch_max_rows = 100'000;
    std::int64_t batch_max_linger_ms = 5;
    std::int64_t batch_max_grow_ms = 3000;

    std::int64_t partitions_ahead_days = 7;         ///< created in advance
    std::int64_t partitions_past_days = 7300;       ///< maximum age of a record
    std::int64_t partitions_future_days = 2;        ///< how far in the future a record may start
    std::string partitions_index_policy = "sealed"; ///< sealed, or eager: all indexes at creation
    std::int64_t partitions_seal_after_hours = 72;  ///< after a partition's end (or creation)

    bool maintenance_enabled = true;
    std::string maintenance_time_zone = "UTC"; ///< IANA name
    std::string maintenance_daily_at = "02:00";
    std::string maintenance_weekly_at = "sunday 03:00";
    std::int64_t maintenance_batches_kept_days = 7; ///< rows of ingest.batches

    std::int64_t suspense_auto_attempts_max = 20; ///< automatic retries of one record; 0: none

    std::int64_t drain_timeout_ms = 30'000;
    std::string log_level = "info";  ///< trace debug info warn error
    std::string log_format = "text"; ///< text: key=value; json

    friend bool operator==(settings const&, settings const&) = default;
};

} // namespace tally::config
