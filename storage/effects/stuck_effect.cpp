#include "storage/effects/stuck_effect.hpp"

namespace tally::storage {

char const* const apply_one_sql = R"(
SELECT q.position, ingest.try_event(q.id, q.type, q.subject, q.occurred_at, q.data, q.source_id,
    q.batch_id), q.type
FROM ingest.effect_queue AS q WHERE q.position = $1::bigint)";

namespace {

// The last of each type, which stays behind the head for longest; other types first: most failures
// are those of one type.
constexpr char const* behind_sql =
    "SELECT max(q.position), q.type FROM ingest.effect_queue AS q WHERE q.position > $1::bigint"
    " GROUP BY q.type ORDER BY q.type = $2::text, max(q.position)";

} // namespace

void stuck_effect::add_failure(head_effect const& head, clock::time_point now) {
    if (head.position != head_.position) {
        head_ = head;
        since_ = now;
        attempts_ = 0;
    }
    ++attempts_;
}

void stuck_effect::forget(std::string_view type) {
    if (auto const found = failing_types_.find(type); found != failing_types_.end()) {
        failing_types_.erase(found);
    }
}

bool stuck_effect::is_last_attempt(head_effect const& head, clock::time_point now) const {
    return failing_types_.contains(head.type) ||
           (head.position == head_.position && attempts_ >= patience_.attempts &&
            now - since_ >= patience_.time);
}

expected<bool> stuck_effect::can_apply_others(pq_connection& connection, head_effect const& head) {
    // The one that served before: the queue may be long, and nothing else is known of it.
    if (applicable_ > head.position) {
        auto const applied = can_apply(connection, applicable_);
        if (!applied.ok() || *applied) {
            return applied;
        }
    }

    parameters values;
    pq_rows followers;
    auto const status = connection.query(
        behind_sql, values.add_int64(head.position).add_text(head.type), followers);
    if (!status.ok()) {
        return status;
    }

    // Types that fail as well would only cost time, except the head's own: that may be by its data.
    for (int i = 0; i < row_count(followers); ++i) {
        auto const type = bytes_at(followers, i, 1);
        if (failing_types_.contains(type) && type != head.type) {
            continue;
        }
        applicable_ = int64_at(followers, i, 0);
        auto const applied = can_apply(connection, applicable_);
        if (!applied.ok() || *applied) {
            return applied;
        }
    }
    return false;
}

/// False also if the effect was refused, which takes no right to change anything. Not ok only when
/// the transaction cannot go on.
expected<bool> stuck_effect::can_apply(pq_connection& connection, std::int64_t position) {
    auto status = connection.execute("SAVEPOINT other");
    if (!status.ok()) {
        return status;
    }

    parameters values;
    pq_rows rows;
    bool const is_applied =
        connection.query(apply_one_sql, values.add_int64(position), rows).ok() &&
        row_count(rows) > 0 && is_null(rows, 0, 1);
    status = connection.execute("ROLLBACK TO SAVEPOINT other");
    if (!status.ok()) {
        return status;
    }
    return is_applied;
}

} // namespace tally::storage
