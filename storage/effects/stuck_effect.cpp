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
    if (auto const found = hopeless_types_.find(type); found != hopeless_types_.end()) {
        hopeless_types_.erase(found);
    }
}

bool stuck_effect::is_hopeless(head_effect const& head, clock::time_point now) const {
    return hopeless_types_.contains(head.type) ||
           (head.position == head_.position && attempts_ >= patience_.attempts &&
            now - since_ >= patience_.time);
}

result stuck_effect::find_others(pq_connection& connection, head_effect const& head, bool& go_on) {
    // The one that served before: the queue may be long, and nothing else is known of it.
    go_on = false;
    if (witness_ > head.position) {
        if (auto status = try_one(connection, witness_, go_on); !status.ok() || go_on) {
            return status;
        }
    }

    parameters values;
    pq_rows behind;
    auto status =
        connection.query(behind_sql, values.add_int64(head.position).add_text(head.type), behind);
    for (int i = 0; status.ok() && !go_on && i < row_count(behind); ++i) {
        if (hopeless_types_.contains(bytes_at(behind, i, 1)) &&
            bytes_at(behind, i, 1) != head.type) {
            continue;
        }
        witness_ = int64_at(behind, i, 0);
        status = try_one(connection, witness_, go_on);
    }
    return status;
}

/// `applied`: not only refused, which takes no right to change anything. Not ok only when the
/// transaction cannot go on.
result stuck_effect::try_one(pq_connection& connection, std::int64_t position, bool& applied) {
    auto status = connection.execute("SAVEPOINT other");
    if (!status.ok()) {
        return status;
    }

    parameters values;
    pq_rows rows;
    applied = connection.query(apply_one_sql, values.add_int64(position), rows).ok() &&
              row_count(rows) > 0 && is_null(rows, 0, 1);
    return connection.execute("ROLLBACK TO SAVEPOINT other");
}

} // namespace tally::storage
