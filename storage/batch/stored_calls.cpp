#include "storage/batch/stored_calls.hpp"

#include "storage/partitions/partitions.hpp"

#include <algorithm>
#include <utility>

namespace tally::storage {

namespace {

constexpr char const* columns =
    "SELECT c.account_id, c.start_time, c.uuid, c.caller_id, c.destination, c.hangup_cause,"
    " c.direction, c.answer_time, c.end_time, c.duration, c.billsec,"
    " c.metadata->>'sent_caller_id', c.metadata->>'sent_destination', c.subscription_id";

// Constants, not parameters: the planner prunes the other partitions only by values that it knows.
std::string within(std::int32_t day) {
    return " WHERE c.start_time >= " + midnight_literal(day) + " AND c.start_time < " +
           midnight_literal(day + 1);
}

std::string query_of_day(std::int32_t day) {
    return std::string{columns} +
           " FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[])"
           " AS k(account_id, start_time, uuid)"
           " JOIN billing.cdrs AS c ON c.account_id = k.account_id"
           " AND c.start_time = k.start_time AND c.uuid = k.uuid" +
           within(day);
}

stored_call call_at(pq_rows const& rows, int i) {
    stored_call out;
    out.key = {uuid_at(rows, i, 0), time_at(rows, i, 1, 0), uuid_at(rows, i, 2)};
    out.caller_id = bytes_at(rows, i, 3);
    out.destination = bytes_at(rows, i, 4);
    out.hangup_cause = bytes_at(rows, i, 5);
    out.direction = bytes_at(rows, i, 6) == "inbound" ? ingest::call_direction::inbound
                                                      : ingest::call_direction::outbound;
    out.answer = time_at(rows, i, 7, ingest::never_us);
    out.end = time_at(rows, i, 8, 0);
    out.duration_s = int32_at(rows, i, 9);
    out.billsec_s = int32_at(rows, i, 10);

    // NULL, and so empty, if the numbers are stored as they were sent.
    out.sent_caller_id = bytes_at(rows, i, 11);
    out.sent_destination = bytes_at(rows, i, 12);
    out.subscription_id = uuid_at(rows, i, 13);
    return out;
}

/// Finds the calls of one day's keys.
result find_in_day(pq_connection& connection, std::span<call_key const> keys,
                   std::vector<stored_call>& out) {
    // One array per column of the key.
    array_parameter account{wire::uuid_oid};
    array_parameter start{wire::timestamptz_oid};
    array_parameter id{wire::uuid_oid};
    for (auto const& key : keys) {
        account.add(key.account_id);
        start.add_time(key.start);
        id.add(key.id);
    }

    // An unprepared statement: its text has the day.
    parameters values;
    values.add(account).add(start).add(id);
    pq_rows rows;
    result status = connection.query(query_of_day(day_of(keys.front().start)), values, rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        out.push_back(call_at(rows, i));
    }
    return status;
}

/// Calls `find` for the keys of each day, sorted by key, so that the pages of its partition are
/// read in order.
template <typename Find>
result find_by_day(pq_connection& connection, std::span<call_key const> keys,
                   std::vector<stored_call>& out, Find&& find) {
    out.clear();
    std::vector<call_key> sorted(keys.begin(), keys.end());
    std::sort(sorted.begin(), sorted.end(), [](call_key const& a, call_key const& b) {
        return std::pair{day_of(a.start), a} < std::pair{day_of(b.start), b};
    });

    // One query per day, since each names the bounds of one partition.
    result status;
    for (auto first = sorted.begin(); status.ok() && first != sorted.end();) {
        auto const last = std::find_if(first, sorted.end(), [first](call_key const& key) {
            return day_of(key.start) != day_of(first->start);
        });
        status = find(connection, std::span<call_key const>{first, last}, out);
        first = last;
    }
    return status;
}

} // namespace

ingest::cdr stored_call::as_cdr() const noexcept {
    // Whole seconds are enough: content is compared as exactly as its least exact form (R6).
    ingest::cdr out;
    out.id = key.id;
    out.direction = direction;
    out.caller_id = caller_id;
    out.destination = destination;
    out.sent_caller_id = sent_caller_id;
    out.sent_destination = sent_destination;

    out.start = key.start;
    out.answer = answer;
    out.end = end;
    out.duration_ms = duration_s * 1000;
    out.billsec_ms = billsec_s * 1000;
    out.billable_ms = billsec_s * 1000;
    out.hangup_cause = hangup_cause;
    return out;
}

result find_stored_calls(pq_connection& connection, std::span<call_key const> keys,
                         std::vector<stored_call>& out) {
    return find_by_day(connection, keys, out, find_in_day);
}

} // namespace tally::storage
