#include "storage/partitions/upkeep.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tally::storage {

namespace {

/// A session that waits for a lock makes every later session wait whose lock conflicts with it. So
/// lanes wait at most this long, this many times, if a slow transaction holds the table.
constexpr std::string_view brief_lock = "SET LOCAL lock_timeout = '1s'; ";
constexpr int brief_lock_attempts = 5;
constexpr std::string_view lock_not_available = "55P03";

// In the order of partition_action. retire() writes two of them as states of ingest.partitions.
constexpr std::array labels{std::string_view{"created"},  std::string_view{"sealed"},
                            std::string_view{"released"}, std::string_view{"detached"},
                            std::string_view{"dropped"},  std::string_view{"failed"}};

// Interrupted work is due at any time. A partition that was created for a backfill is sealed by the
// time of its creation, since the backfill may still be running. Retiring comes before sealing: a
// partition that is to be removed need not be sealed.
constexpr char const* due_sql =
    "WITH moment AS (SELECT to_timestamp($1::bigint) AS now, make_interval(hours => $2::int) AS"
    " grace), known AS (SELECT p.table_name, p.partition_name, p.state, p.upper_bound,"
    " greatest(p.upper_bound, p.created_at) AS quiet_from, t.retention, t.retention_action,"
    " t.foreign_keys_for, to_regclass(format('%I.%I', split_part(p.table_name, '.', 1),"
    " p.partition_name)) AS oid, i.inhrelid IS NOT NULL AS is_attached, k.has_foreign_keys"
    " FROM ingest.partitions AS p JOIN ingest.partitioned_tables AS t USING (table_name)"
    " LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhparent = to_regclass(p.table_name) AND"
    " i.inhrelid = to_regclass(format('%I.%I', split_part(p.table_name, '.', 1), p.partition_name))"
    " LEFT JOIN LATERAL (SELECT true AS has_foreign_keys FROM pg_catalog.pg_constraint AS c"
    " WHERE c.conrelid = i.inhrelid AND c.contype = 'f' AND c.conparentid = 0"
    " AND c.conname LIKE p.partition_name || '\\_%\\_fkey' LIMIT 1) AS k ON true)"
    " SELECT table_name, partition_name, action, is_attached, oid IS NOT NULL FROM known, moment,"
    " LATERAL (SELECT CASE WHEN state = 'detached' AND is_attached THEN 'detached'"
    " WHEN state = 'dropped' AND oid IS NOT NULL THEN 'dropped'"
    " WHEN state NOT IN ('detached', 'dropped') AND upper_bound <= now - retention"
    " THEN CASE retention_action WHEN 'drop' THEN 'dropped' ELSE 'detached' END"
    " WHEN oid IS NULL THEN NULL WHEN state = 'sealing' THEN 'sealed'"
    " WHEN state = 'open' AND quiet_from <= now - grace THEN 'sealed'"
    " WHEN state = 'sealed' AND has_foreign_keys AND upper_bound <= now - foreign_keys_for"
    " THEN 'released' END AS action) AS a WHERE action IS NOT NULL"
    " ORDER BY action = 'sealed', upper_bound, table_name";

partition_action action_of(std::string_view text) noexcept {
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == text) {
            return static_cast<partition_action>(i);
        }
    }
    return partition_action::failed;
}

// Names come from our own patterns and have no quotes in them.
std::string quoted(std::string const& name) {
    return '"' + name + '"';
}

} // namespace

std::string_view label(partition_action action) noexcept {
    return labels[static_cast<std::size_t>(action)];
}

partition_upkeep::partition_upkeep(pq_connection& connection, options settings, observer listener)
    : connection_{connection}, options_{settings}, observer_{std::move(listener)} {}

result partition_upkeep::run(ingest::time_us now) {
    // Sealing may make a partition due for release, so repeat until nothing new is due.
    std::vector<due> before;
    for (;;) {
        auto found = find_due(now);
        if (!found.ok()) {
            return found.status();
        }

        // What failed stays due, so only new work keeps the loop going.
        bool is_any_new = false;
        for (due const& one : *found) {
            auto const same = [&one](due const& other) {
                return other.partition == one.partition && other.action == one.action;
            };
            if (std::any_of(before.begin(), before.end(), same)) {
                continue; // it failed in the round before
            }
            is_any_new = true;
            if (result outcome = handle(one); !outcome.ok()) {
                return outcome;
            }
        }

        // A dry run changes nothing, so the second pass would find the same again.
        if (!is_any_new || options_.dry_run) {
            return {};
        }
        before = *std::move(found);
    }
}

expected<std::vector<partition_upkeep::due>> partition_upkeep::find_due(ingest::time_us now) {
    parameters values;
    values.add_int64(now / ingest::us_per_s);
    values.add_int32(static_cast<std::int32_t>(options_.seal_after_hours));
    pq_rows rows;
    result status = connection_.query(due_sql, values, rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<due> found;
    for (int i = 0; i < row_count(rows); ++i) {
        found.push_back(
            {.partition = {std::string{bytes_at(rows, i, 0)}, std::string{bytes_at(rows, i, 1)}},
             .action = action_of(bytes_at(rows, i, 2)),
             .is_attached = bool_at(rows, i, 3),
             .exists = bool_at(rows, i, 4)});
    }
    return found;
}

// An error of one partition is reported as a step; only a lost connection is returned.
result partition_upkeep::handle(due const& one) {
    result status;
    if (!options_.dry_run) {
        status = one.action == partition_action::sealed     ? seal(one)
                 : one.action == partition_action::released ? release(one)
                                                            : retire(one);
    }

    // Without a connection the others would fail as well.
    if (stops_upkeep(status)) {
        return status;
    }
    observer_(status.ok() ? partition_step{one.partition, one.action, {}}
                          : partition_step{one.partition, partition_action::failed,
                                           std::string{"not "}.append(label(one.action)) + ": " +
                                               status.detail});
    return {};
}

result partition_upkeep::seal(due const& one) {
    // The state first: if this is interrupted, the partition is due again at once.
    result status = set_state(one.partition, "sealing");
    if (status.ok()) {
        status = build_indexes(one.partition);
    }
    if (status.ok()) {
        status = add_foreign_keys(one.partition); // after the indexes that their checks use
    }
    if (status.ok()) {
        status = connection_.execute("VACUUM (FREEZE, ANALYZE) " + one.partition.qualified());
    }
    return status.ok() ? set_state(one.partition, "sealed") : status;
}

result partition_upkeep::build_indexes(partition_name const& partition) {
    auto const wanted = find_indexes(connection_, partition);
    if (!wanted.ok()) {
        return wanted.status();
    }

    result status;
    auto const schema = partition.table.substr(0, partition.table.find('.') + 1);
    for (auto const& index : *wanted) {
        // CONCURRENTLY leaves an invalid index when it breaks off; it is never used, and blocks the
        // name.
        if (status.ok() && index.state == partition_object::progress::unfinished) {
            status = connection_.execute("DROP INDEX CONCURRENTLY " + schema + quoted(index.name));
        }
        if (status.ok() && index.state != partition_object::progress::ready) {
            status = connection_.execute("CREATE INDEX CONCURRENTLY " + quoted(index.name) + " " +
                                         index.definition);
        }
    }
    return status;
}

result partition_upkeep::add_foreign_keys(partition_name const& partition) {
    auto const wanted = find_foreign_keys(connection_, partition);
    if (!wanted.ok()) {
        return wanted.status();
    }

    result status;
    auto const alter = "ALTER TABLE " + partition.qualified();
    for (auto const& key : *wanted) {
        // NOT VALID needs the strong lock for a moment only; VALIDATE scans under a weak one.
        if (status.ok() && key.state == partition_object::progress::missing) {
            status = with_brief_lock(alter + " ADD CONSTRAINT " + quoted(key.name) + " " +
                                     key.definition + " NOT VALID");
        }
        if (status.ok() && key.state != partition_object::progress::ready) {
            status = connection_.execute(alter + " VALIDATE CONSTRAINT " + quoted(key.name));
        }
    }
    return status;
}

result partition_upkeep::release(due const& one) {
    auto const kept = find_foreign_keys(connection_, one.partition);
    if (!kept.ok()) {
        return kept.status();
    }

    // All in one ALTER TABLE: one moment of the strong lock instead of one for each key.
    std::string drops;
    for (auto const& key : *kept) {
        drops += (drops.empty() ? " " : ", ") + ("DROP CONSTRAINT IF EXISTS " + quoted(key.name));
    }
    return drops.empty() ? result{}
                         : with_brief_lock("ALTER TABLE " + one.partition.qualified() + drops);
}

// The state first: from then on no session creates the partition again or sends records to it.
result partition_upkeep::retire(due const& one) {
    result status = set_state(one.partition, label(one.action));

    // DETACH comes before DROP: dropping an attached partition locks its parent.
    if (status.ok() && one.is_attached) {
        status = detach(one.partition);
    }
    if (status.ok() && one.exists && one.action == partition_action::dropped) {
        status = with_brief_lock("DROP TABLE IF EXISTS " + one.partition.qualified());
    }
    return status;
}

result partition_upkeep::detach(partition_name const& partition) {
    auto const name = partition.qualified();
    // A DETACH CONCURRENTLY that broke off can only be finished.
    parameters values;
    values.add_text(name);
    pq_rows rows;
    result status = connection_.query("SELECT inhdetachpending FROM pg_catalog.pg_inherits"
                                      " WHERE inhrelid = to_regclass($1::text)",
                                      values, rows);
    bool const broke_off = status.ok() && row_count(rows) == 1 && bool_at(rows, 0, 0);
    return status.ok()
               ? connection_.execute("ALTER TABLE " + partition.table + " DETACH PARTITION " +
                                     name + (broke_off ? " FINALIZE" : " CONCURRENTLY"))
               : status;
}

result partition_upkeep::set_state(partition_name const& partition, std::string_view state) {
    parameters values;
    values.add_text(partition.table).add_text(partition.partition).add_text(state);
    pq_rows rows;
    return connection_.query(
        "UPDATE ingest.partitions SET state = $3::text::ingest.partition_state,"
        " sealed_at = CASE $3::text WHEN 'sealed' THEN now() ELSE sealed_at END"
        " WHERE table_name = $1::text AND partition_name = $2::text"
        " AND state <> $3::text::ingest.partition_state",
        values, rows);
}

result partition_upkeep::with_brief_lock(std::string const& sql) {
    // The setting and the statement are sent together, and so are one transaction: SET LOCAL ends
    // with it.
    result status = connection_.execute(std::string{brief_lock} + sql);
    for (int attempt = 1; attempt < brief_lock_attempts && status.sqlstate == lock_not_available;
         ++attempt) {
        if (result const pause = connection_.execute("SELECT pg_sleep(0.2)"); !pause.ok()) {
            return pause; // canceled, or the connection is lost
        }
        status = connection_.execute(std::string{brief_lock} + sql);
    }
    return status;
}

bool partition_upkeep::stops_upkeep(result const& status) const {
    return !status.ok() && (!connection_.is_open() || connection_.is_cancelled());
}

} // namespace tally::storage
