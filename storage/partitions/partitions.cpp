#include "storage/partitions/partitions.hpp"

#include <date/date.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace tally::storage {

namespace {

constexpr std::string_view name_prefix = "cdrs_p";

constexpr char const* cdrs = "billing.cdrs";

// Attached ones, and those that retention has removed. One whose DETACH broke off takes no rows.
constexpr char const* existing_sql = "SELECT c.relname, false FROM pg_catalog.pg_inherits AS i"
                                     " JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid"
                                     " WHERE i.inhparent = 'billing.cdrs'::pg_catalog.regclass"
                                     " AND NOT i.inhdetachpending"
                                     " UNION ALL SELECT partition_name, true FROM ingest.partitions"
                                     " WHERE table_name = 'billing.cdrs'"
                                     " AND state IN ('detached', 'dropped')";

date::year_month_day civil(std::int32_t day) noexcept {
    return date::year_month_day{date::sys_days{date::days{day}}};
}

/// Reads the day from a partition's name; false for a name that is not ours.
bool day_of_name(std::string_view name, std::int32_t& day) {
    if (!name.starts_with(name_prefix) || name.size() < name_prefix.size() + 8) {
        return false;
    }
    // Eight digits and nothing behind them: a name of an operator's own table is not a day.
    std::string_view const digits = name.substr(name_prefix.size());
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return false;
    }

    // A number such as 20269999 is no day.
    date::year_month_day const civil_date{date::year{static_cast<int>(number / 10'000)},
                                          date::month{static_cast<unsigned>(number / 100 % 100)},
                                          date::day{static_cast<unsigned>(number % 100)}};
    if (!civil_date.ok()) {
        return false;
    }
    day = static_cast<std::int32_t>(date::sys_days{civil_date}.time_since_epoch().count());
    return true;
}

// For each table the partitions that end after $1, in order. A table without one has a row with
// the bounds 0.
constexpr char const* coverage_sql =
    "SELECT t.table_name, coalesce(extract(epoch FROM p.lower_bound)::bigint, 0),"
    " coalesce(extract(epoch FROM p.upper_bound)::bigint, 0) FROM ingest.partitioned_tables AS t"
    " LEFT JOIN ingest.partitions AS p ON p.table_name = t.table_name AND p.upper_bound >"
    " to_timestamp($1::bigint) AND ingest.is_attached(p.table_name, p.partition_name)"
    " ORDER BY 1, 2";

// The missing partitions from yesterday on; of monthly tables at least those of this month and the
// next.
constexpr char const* missing_sql =
    "SELECT t.table_name, to_char(m, 'YYYY-MM-DD'), split_part(t.table_name, '.', 2) || '_p' ||"
    " to_char(m, CASE t.span WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END) FROM (SELECT "
    "to_timestamp($1::bigint) AT TIME"
    " ZONE 'UTC' AS now, make_interval(days => $2::int) AS ahead) AS n, ingest.partitioned_tables"
    " AS t, LATERAL (SELECT CASE t.span WHEN 'day' THEN interval '1 day' ELSE interval '1 month'"
    " END AS step) AS s, LATERAL generate_series(date_trunc(t.span::text, n.now - interval"
    " '1 day'), greatest(n.now + n.ahead, date_trunc(t.span::text, n.now) + s.step), s.step) AS m"
    " LEFT JOIN LATERAL (SELECT p.state, ingest.is_attached(p.table_name, p.partition_name) AS"
    " attached FROM ingest.partitions AS p WHERE p.table_name = t.table_name AND p.lower_bound ="
    " m AT TIME ZONE 'UTC') AS p ON true WHERE p.state IS NULL OR"
    " (NOT p.attached AND p.state NOT IN ('detached', 'dropped')) ORDER BY m, t.table_name";

} // namespace

std::string civil_text(std::int32_t day) {
    return date::format("%F", civil(day));
}

std::string cdr_partition_name(std::int32_t day) {
    return std::string{name_prefix} + date::format("%Y%m%d", civil(day));
}

std::string midnight_literal(std::int32_t day) {
    return "timestamptz '" + date::format("%F", civil(day)) + " 00:00:00+00'";
}

result cdr_partitions::learn(pq_connection& connection) {
    // What is in the catalog counts, not only the table of states: an operator may attach
    // partitions.
    pq_rows rows;
    result status = connection.execute(existing_sql, rows);
    known_.clear();
    detached_.clear();
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        std::int32_t day = 0;
        if (day_of_name(bytes_at(rows, i, 0), day)) {
            (bytes_at(rows, i, 1) == "t" ? detached_ : known_).insert(day);
        }
    }
    return status;
}

namespace {

expected<pq_rows> query_missing(pq_connection& connection, partition_policy const& policy,
                                ingest::time_us now) {
    parameters values;
    values.add_int64(now / ingest::us_per_s).add_int32(policy.ahead_days);
    pq_rows rows;
    result status = connection.query(missing_sql, values, rows);
    return status.ok() ? expected{std::move(rows)} : status;
}

} // namespace

expected<partition_name> create_partition(pq_connection& connection, std::string_view table,
                                          std::string_view moment, bool eager_indexes) {
    parameters values;
    values.add_text(table).add_text(moment);
    pq_rows rows;
    result status = connection.query(
        "SELECT ingest.create_partition($1::text, ($2::text || '+00')::timestamptz)", values, rows);
    if (!status.ok()) {
        return status;
    }

    partition_name made{std::string{table}, std::string{bytes_at(rows, 0, 0)}};
    if (eager_indexes) {
        status = build_indexes_at_once(connection, made);
    }
    return status.ok() ? expected{std::move(made)} : status;
}

result cdr_partitions::create(pq_connection& connection, std::int32_t day) {
    auto const made = create_partition(connection, cdrs, civil_text(day), policy_.eager_indexes);
    if (made.ok()) {
        known_.insert(day);
    } else if (made.status().sqlstate == retired_sqlstate) {
        detached_.insert(day); // it was retired after learn() had read the states
        return {};
    }
    return made.status();
}

result cdr_partitions::ensure(pq_connection& connection, std::span<std::int32_t const> days,
                              std::int32_t today, std::vector<std::int32_t>& refused) {
    // The bounds first: without them a clock that is years off would make thousands of partitions.
    refused.clear();
    bool looked = false;
    for (std::int32_t const day : days) {
        if (day < today - policy_.past_days || day > today + policy_.future_days) {
            refused.push_back(day);
            continue;
        }
        if (known_.contains(day)) {
            continue;
        }

        // One query for all days that are unknown, and only if there is one.
        if (!looked) {
            if (result status = learn(connection); !status.ok()) {
                return status;
            }
            looked = true;
        }
        if (!known_.contains(day) && !detached_.contains(day)) {
            if (result outcome = create(connection, day); !outcome.ok()) {
                return outcome;
            }
        }

        // What retention has removed is not made again.
        if (detached_.contains(day) && !known_.contains(day)) {
            refused.push_back(day);
        }
    }
    return {};
}

result create_ahead(pq_connection& connection, partition_policy const& policy, ingest::time_us now,
                    std::vector<partition_name>& made) {
    // An error of one table must not leave the others without partitions for tomorrow.
    made.clear();
    auto const rows = query_missing(connection, policy, now);
    if (!rows.ok()) {
        return rows.status();
    }

    result first;
    for (int i = 0; i < row_count(*rows); ++i) {
        auto created = create_partition(connection, bytes_at(*rows, i, 0), bytes_at(*rows, i, 1),
                                        policy.eager_indexes);
        if (created.ok()) {
            made.push_back(*std::move(created));
        } else if (first.ok()) {
            first = created.status(); // reported at the end
        }
    }
    return first;
}

expected<std::vector<partition_name>>
find_missing(pq_connection& connection, partition_policy const& policy, ingest::time_us now) {
    auto const rows = query_missing(connection, policy, now);
    if (!rows.ok()) {
        return rows.status();
    }

    std::vector<partition_name> names;
    for (int i = 0; i < row_count(*rows); ++i) {
        names.push_back({std::string{bytes_at(*rows, i, 0)}, std::string{bytes_at(*rows, i, 2)}});
    }
    return names;
}

expected<std::int64_t> horizon(pq_connection& connection, ingest::time_us now) {
    // For each table the end of what is covered without a gap from now on; the shortest counts.
    std::int64_t const now_s = now / ingest::us_per_s;
    parameters values;
    values.add_int64(now_s);
    pq_rows rows;
    result status = connection.query(coverage_sql, values, rows);
    if (!status.ok()) {
        return status;
    }

    std::map<std::string, std::int64_t, std::less<>> ends;
    for (int i = 0; i < row_count(rows); ++i) {
        auto& end = ends.try_emplace(std::string{bytes_at(rows, i, 0)}, now_s).first->second;
        if (int64_at(rows, i, 1) <= end) {
            end = std::max(end, int64_at(rows, i, 2));
        }
    }

    // The table that ends first decides.
    std::int64_t seconds = 0;
    for (auto const& [table, end] : ends) {
        bool const is_first = table == ends.begin()->first;
        seconds = is_first ? end - now_s : std::min(seconds, end - now_s);
    }
    return seconds;
}

} // namespace tally::storage
