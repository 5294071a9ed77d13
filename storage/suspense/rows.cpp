#include "storage/suspense/rows.hpp"

#include <algorithm>
#include <optional>

namespace tally::storage {

namespace {

/// Rows per transaction: takes some milliseconds, so that no lane waits for long.
constexpr std::string_view change_rows = "5000";

constexpr std::string_view plain_columns =
    "s.id, s.reason, s.detail, s.source_id, coalesce(o.name, s.source_id::text), s.format,"
    " s.state::text, s.attempts, s.auto_attempts, s.received_at, s.next_attempt_at, s.resolved_at,"
    " s.resolved_by, s.resolution, octet_length(s.payload)::bigint";
constexpr std::string_view from_rows =
    " FROM ingest.suspense AS s LEFT JOIN ingest.sources AS o ON o.id = s.source_id";

std::string text_at(pq_rows const& rows, int row, int column) {
    return std::string{bytes_at(rows, row, column)};
}

suspense_record record_at(pq_rows const& rows, int i, int& column) {
    suspense_record out;
    out.id = uuid_at(rows, i, column++);
    out.reason = text_at(rows, i, column++);
    out.detail = text_at(rows, i, column++);
    out.source_id = uuid_at(rows, i, column++);
    out.source = text_at(rows, i, column++);
    out.format = text_at(rows, i, column++);

    // What has become of it.
    out.state = text_at(rows, i, column++);
    out.attempts = int32_at(rows, i, column++);
    out.auto_attempts = int32_at(rows, i, column++);
    out.received_at = time_at(rows, i, column++, ingest::never_us);
    out.next_attempt_at = time_at(rows, i, column++, ingest::never_us);
    out.resolved_at = time_at(rows, i, column++, ingest::never_us);
    out.resolved_by = text_at(rows, i, column++);
    out.resolution = text_at(rows, i, column++);
    out.payload_bytes = int64_at(rows, i, column++);
    return out;
}

std::string where(std::string_view more = {}) {
    return " WHERE " + std::string{suspense_condition::sql}.append(more);
}

/// The uuid that begins with these hex digits and continues with `filler`; nullopt if they are not
/// hex digits.
std::optional<ingest::uuid> padded(std::string_view prefix, char filler) {
    // An operator copies the beginning of an id from a list, with or without its dashes.
    std::string digits;
    for (char const c : prefix) {
        if (c != '-') {
            digits += c;
        }
    }
    if (digits.empty() || digits.size() > 32) {
        return std::nullopt;
    }
    digits.resize(32, filler);

    // From the right: an insertion moves the indices of what follows it.
    for (std::size_t const dash : {20, 16, 12, 8}) {
        digits.insert(dash, 1, '-');
    }
    return ingest::parse_uuid(digits);
}

// In the order of ids, which is the order in which a batch locks these rows (R13).
result change_all(pq_connection& connection, suspense_filter const& filter, std::string_view change,
                  suspense_verdict const& verdict, std::int64_t& out) {
    std::string const sql = "UPDATE ingest.suspense AS u SET " + std::string{change} +
                            " WHERE u.id = ANY (ARRAY(SELECT s.id FROM ingest.suspense AS s" +
                            where() + " ORDER BY s.id LIMIT " + std::string{change_rows} +
                            " FOR NO KEY UPDATE))";

    // In transactions of their own, until one finds nothing more: a change of millions of rows in
    // one transaction would keep lanes waiting for all of them.
    out = 0;
    result status;
    for (std::int64_t changed = 1; status.ok() && changed > 0; out += changed) {
        suspense_condition condition{filter};
        parameters values;
        condition.add_to(values)
            .add_optional_text(verdict.author)
            .add_optional_text(verdict.reason);
        pq_rows rows;
        status = connection.query(sql, values, rows);
        changed = status.ok() ? affected(rows) : 0;
    }
    return status;
}

/// Appends the rows, with payloads.
void take_suspense(pq_rows const& rows, std::vector<suspense_record>& out) {
    // The payload is the column after those of record_at().
    for (int i = 0; i < row_count(rows); ++i) {
        int column = 0;
        out.push_back(record_at(rows, i, column));
        out.back().payload = text_at(rows, i, column);
    }
}

} // namespace

expected<std::vector<suspense_group>> summarize_suspense(pq_connection& connection,
                                                         suspense_filter const& filter) {
    // Counted by what an operator decides on: a reason, a source, a format.
    suspense_condition condition{filter};
    parameters values;
    pq_rows rows;
    result status = connection.query(
        "SELECT s.state::text, s.reason, coalesce(o.name, s.source_id::text), s.format, count(*),"
        " sum(octet_length(s.payload))::bigint, min(s.received_at), max(s.received_at)" +
            std::string{from_rows} + where(" GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4"),
        condition.add_to(values), rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<suspense_group> groups;
    for (int i = 0; i < row_count(rows); ++i) {
        groups.push_back({text_at(rows, i, 0), text_at(rows, i, 1), text_at(rows, i, 2),
                          text_at(rows, i, 3), int64_at(rows, i, 4), int64_at(rows, i, 5),
                          time_at(rows, i, 6, ingest::never_us),
                          time_at(rows, i, 7, ingest::never_us)});
    }
    return groups;
}

expected<std::int64_t> count_suspense(pq_connection& connection, suspense_filter const& filter) {
    suspense_condition condition{filter};
    parameters values;
    pq_rows rows;
    result status = connection.query("SELECT count(*) FROM ingest.suspense AS s" + where(),
                                     condition.add_to(values), rows);
    return status.ok() ? expected{int64_at(rows, 0, 0)} : status;
}

expected<std::vector<suspense_record>>
list_suspense(pq_connection& connection, suspense_filter const& filter, std::int32_t limit) {
    // The newest first: ids are of version 7 and ascend with time.
    suspense_condition condition{filter};
    parameters values;
    pq_rows rows;
    result status = connection.query("SELECT " + std::string{plain_columns}.append(from_rows) +
                                         where(" ORDER BY s.id DESC LIMIT $8::integer"),
                                     condition.add_to(values).add_int32(limit), rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<suspense_record> records;
    for (int i = 0; i < row_count(rows); ++i) {
        int column = 0;
        records.push_back(record_at(rows, i, column));
    }
    return records;
}

// The running sum of the payloads ends the page after the first megabyte.
result next_suspense(pq_connection& connection, suspense_filter const& filter,
                     ingest::uuid const& after, std::vector<suspense_record>& out) {
    // A thousand rows at most, and about a megabyte: a page is held in memory, and payloads may be
    // large.
    out.clear();
    suspense_condition condition{filter};

    // A page continues after the last id of the one before, whatever has changed meanwhile.
    parameters values;
    pq_rows rows;
    result status = connection.query(
        "SELECT " + std::string{plain_columns} +
            ", s.payload FROM (SELECT w.id, sum(w.bytes) OVER (ORDER BY w.id) - w.bytes"
            " AS bytes_before FROM (SELECT s.id, octet_length(s.payload) AS bytes"
            " FROM ingest.suspense AS s" +
            where(" AND s.id > $8::uuid ORDER BY s.id LIMIT 1000") +
            ") AS w) AS p JOIN ingest.suspense AS s ON s.id = p.id"
            " LEFT JOIN ingest.sources AS o ON o.id = s.source_id"
            " WHERE p.bytes_before < 1048576 ORDER BY s.id",
        condition.add_to(values).add(after), rows);
    if (status.ok()) {
        take_suspense(rows, out);
    }
    return status;
}

expected<std::vector<suspense_record>> find_suspense(pq_connection& connection,
                                                     std::string_view prefix) {
    // As a range, which the primary key answers; two rows are enough to see that a prefix is
    // ambiguous.
    auto const first = padded(prefix, '0');
    auto const last = padded(prefix, 'f');
    if (!first || !last) {
        return result{
            failure::bad_data, {}, "'" + std::string{prefix} + "' is no id, and begins none"};
    }

    // The payload comes along: the row is shown, or retried.
    parameters values;
    values.add(*first).add(*last);
    pq_rows rows;
    result status = connection.query(
        "SELECT " + std::string{plain_columns} + ", s.payload" + std::string{from_rows} +
            " WHERE s.id BETWEEN $1::uuid AND $2::uuid ORDER BY s.id LIMIT 2",
        values, rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<suspense_record> records;
    take_suspense(rows, records);
    return records;
}

result discard_suspense(pq_connection& connection, suspense_filter filter,
                        suspense_verdict const& verdict, std::int64_t& out) {
    // Whatever the filter says: a resolved record is stored, and there is nothing to discard.
    filter.state = "waiting";
    return change_all(connection, filter,
                      "state = 'discarded', resolved_at = now(), resolved_by = $8::text,"
                      " resolution = $9::text",
                      verdict, out);
}

result restore_suspense(pq_connection& connection, suspense_filter filter, std::int64_t& out) {
    // Only what was discarded can wait again (S9).
    filter.state = "discarded";
    return change_all(connection, filter,
                      "state = 'waiting', resolved_at = NULL, resolved_by = $8::text,"
                      " resolution = $9::text",
                      {}, out);
}

} // namespace tally::storage
