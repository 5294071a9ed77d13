#include "storage/rerate/reader.hpp"

#include "ingest/json/writer.hpp"
#include "storage/partitions/partitions.hpp"
#include "storage/postgres/database_error.hpp"

#include <algorithm>

namespace tally::storage {

namespace {

// The month of a large account may be sorted on the server's disk, which takes longer than the
// write path allows a batch.
pq_connection::limits reader_limits() {
    pq_connection::limits bounds;
    bounds.statement_timeout_ms = 3'600'000;
    return bounds;
}

std::string_view label(rerate_selection::scope kind) noexcept {
    switch (kind) {
    case rerate_selection::scope::subscription:
        return "subscription";
    case rerate_selection::scope::account:
        return "account";
    case rerate_selection::scope::plan:
        break;
    }
    return "plan";
}

/// Condition on subscriptions (s) and usage (u) for the name $1.
std::string_view selected_sql(rerate_selection::scope kind) noexcept {
    switch (kind) {
    case rerate_selection::scope::subscription:
        return "(s.subscription_number = $1::text OR s.id::text = $1::text)";
    case rerate_selection::scope::account:
        return "u.account_id IN (SELECT id FROM billing.accounts"
               " WHERE account_number = $1::text OR id::text = $1::text)";
    case rerate_selection::scope::plan:
        break;
    }
    // The plan's own calls, and those of plans that fall back to it through at most three plans.
    return "s.rate_plan_id IN (WITH RECURSIVE users(id, depth) AS ("
           " SELECT id, 0 FROM billing.rate_plans WHERE code = $1::text"
           " UNION SELECT p.id, depth + 1 FROM billing.rate_plans AS p"
           " JOIN users ON p.fallback_plan_id = users.id WHERE depth < 3)"
           " SELECT id FROM users)";
}

std::string_view exists_sql(rerate_selection::scope kind) noexcept {
    switch (kind) {
    case rerate_selection::scope::subscription:
        return "SELECT 1 FROM billing.subscriptions WHERE subscription_number = $1::text"
               " OR id::text = $1::text";
    case rerate_selection::scope::account:
        return "SELECT 1 FROM billing.accounts WHERE account_number = $1::text"
               " OR id::text = $1::text";
    case rerate_selection::scope::plan:
        break;
    }
    return "SELECT 1 FROM billing.rate_plans WHERE code = $1::text";
}

/// A bound as timestamptz, from an SQL parameter ("$2"). A date is midnight in the plan's zone.
std::string bound_sql(std::string const& given, std::string const& parameter, char const* none) {
    constexpr std::size_t date_length = 10; // YYYY-MM-DD
    if (given.empty()) {
        return std::string{"coalesce(nullif("} + parameter + "::text, '')::timestamptz, '" + none +
               "')";
    }
    return given.size() == date_length
               ? "(" + parameter + "::text::date::timestamp AT TIME ZONE p.time_zone)"
               : parameter + "::text::timestamptz";
}

// Periods that overlap the bounds, from the run's position on. A period that is half done is read
// again, one that is done is not ($6).
std::string from_sql(rerate_selection const& selection) {
    return " FROM billing.subscription_usage AS u"
           " JOIN billing.subscriptions AS s ON s.id = u.subscription_id"
           " JOIN billing.rate_plans AS p ON p.id = s.rate_plan_id"
           " CROSS JOIN LATERAL (SELECT " +
           bound_sql(selection.begin, "$2", "-infinity") + ", " +
           bound_sql(selection.end, "$3", "infinity") +
           ") AS r(lower_bound, upper_bound)"
           " WHERE u.calls_count > 0 AND u.billing_period_end > r.lower_bound"
           " AND u.billing_period_start < r.upper_bound AND " +
           std::string{selected_sql(selection.kind)} +
           " AND (u.billing_period_start, u.subscription_id) >= ($4::timestamptz, $5::uuid)"
           " AND ($6::bigint = 0"
           "  OR (u.billing_period_start, u.subscription_id) <> ($4::timestamptz, $5::uuid))";
}

rating::amount amount_at(pq_rows const& rows, int row, int column) {
    return is_null(rows, row, column)
               ? rating::amount{}
               : wire::get_numeric(bytes_at(rows, row, column)).value_or(rating::amount{});
}

stored_rating rating_at(pq_rows const& rows, int i, int column) {
    stored_rating out;
    out.status = parse_call_status(bytes_at(rows, i, column));
    out.billed_s = int32_at(rows, i, column + 1);
    out.allowance_s = int32_at(rows, i, column + 2);
    out.cost = amount_at(rows, i, column + 3);
    out.connect_fee = amount_at(rows, i, column + 4);
    out.rate_per_minute = amount_at(rows, i, column + 5);
    out.rate_id = uuid_at(rows, i, column + 6);
    out.matched_prefix = bytes_at(rows, i, column + 7);
    out.call_type = bytes_at(rows, i, column + 8);
    return out;
}

rerate_call call_at(pq_rows const& rows, int i) {
    rerate_call out;
    out.period = static_cast<std::uint32_t>(int64_at(rows, i, 0) - 1);
    out.key = {uuid_at(rows, i, 1), time_at(rows, i, 2, 0), uuid_at(rows, i, 3)};
    out.destination = bytes_at(rows, i, 4);
    out.direction = bytes_at(rows, i, 5) == "inbound" ? ingest::call_direction::inbound
                                                      : ingest::call_direction::outbound;
    out.answer = time_at(rows, i, 6, ingest::never_us);
    out.duration_s = int32_at(rows, i, 7);
    out.billsec_s = int32_at(rows, i, 8);
    out.billable_s = int32_at(rows, i, 9);
    auto const currency = bytes_at(rows, i, 10);
    std::copy_n(currency.begin(), std::min(currency.size(), out.currency.size()),
                out.currency.begin());
    out.rated = rating_at(rows, i, 11);
    return out;
}

/// Joins the periods $1 to $4 with their calls. The first and last day are constants, so that the
/// planner prunes the partitions of all other days.
std::string calls_from_sql(std::span<rerate_period const> periods) {
    auto const first = std::min_element(periods.begin(), periods.end(), [](auto& a, auto& b) {
                           return a.start < b.start;
                       })->start;
    auto const last = std::max_element(periods.begin(), periods.end(), [](auto& a, auto& b) {
                          return a.end < b.end;
                      })->end;

    // Of the first period only the calls after the position; all calls of the others.
    return " FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[])"
           " WITH ORDINALITY AS k(subscription_id, account_id, period_start, period_end, place)"
           " JOIN billing.cdrs AS c ON c.account_id = k.account_id"
           " AND c.subscription_id = k.subscription_id"
           " AND c.start_time >= k.period_start AND c.start_time < k.period_end"
           " WHERE c.start_time >= " +
           midnight_literal(day_of(first)) + " AND c.start_time < " +
           midnight_literal(day_of(last) + 1) +
           " AND (k.place > 1 OR $5::bigint = 0"
           " OR (coalesce(c.answer_time, c.start_time), c.start_time, c.uuid)"
           "  > ($6::timestamptz, $7::timestamptz, $8::uuid))";
}

} // namespace

std::string canonical_text(rerate_selection const& selection) {
    ingest::json_writer json;
    json.open('{').key(label(selection.kind)).value(selection.name);
    json.key("from").value(selection.begin).key("to").value(selection.end);
    return json.close('}').text();
}

rerate_reader::rerate_reader(std::string connection_string)
    : connection_{std::move(connection_string), "tallyd rerate: reading", {}, reader_limits()} {}

void rerate_reader::open() {
    check(connection_.open());
    one_session_.emplace(connection_);
    // All rows are fetched in the end, so a plan that gives the first row fast is not the best one.
    check(connection_.execute("SET cursor_tuple_fraction = 1"));
}

bool rerate_reader::exists(rerate_selection const& selection) {
    parameters values;
    values.add_text(selection.name);
    pq_rows rows;
    check(connection_.query(std::string{exists_sql(selection.kind)}, values, rows));
    return row_count(rows) > 0;
}

// Waits two seconds: the session of a run that was just killed may not have ended yet.
bool rerate_reader::lock(std::string_view selection) {
    constexpr std::string_view lock_not_available = "55P03";
    check(connection_.execute("SET lock_timeout = '2s'"));
    parameters values;
    values.add_text(selection);
    pq_rows ignored;
    result const status = connection_.query(
        "SELECT pg_advisory_lock(hashtextextended('tallyd rerate ' || $1::text, 0))", values,
        ignored);
    if (status.sqlstate == lock_not_available) {
        return false;
    }
    check(status);
    return true;
}

std::int64_t rerate_reader::begin(rerate_selection const& selection,
                                  rerate_position const& position) {
    // A period that is completely done has no moment; else it is that of the last call done.
    bool const whole_done = position.moment == ingest::never_us;
    values_.clear();
    values_.add_text(selection.name).add_text(selection.begin).add_text(selection.end);
    values_.add_time(position.period_start)
        .add(position.subscription_id)
        .add_int64(whole_done ? 1 : 0);

    // For progress only, so calls that arrive during the run need not be in it.
    pq_rows counted;
    check(connection_.query("SELECT coalesce(sum(u.calls_count), 0)::bigint" + from_sql(selection),
                            values_, counted));

    // WITH HOLD: each page is a transaction of its own, and the cursor outlives them. The server
    // keeps its rows, on disk if there are many (C6).
    pq_rows ignored;
    check(connection_.query(
        "DECLARE periods NO SCROLL CURSOR WITH HOLD FOR SELECT u.subscription_id, u.account_id,"
        " u.billing_period_start, u.billing_period_end, u.calls_count, r.lower_bound,"
        " r.upper_bound" +
            from_sql(selection) + " ORDER BY u.billing_period_start, u.subscription_id",
        values_, ignored));
    return int64_at(counted, 0, 0);
}

void rerate_reader::read_periods_ahead() {
    // A thousand at a time, however many the selection has (C6).
    periods_.clear();
    periods_given_ = 0;
    parameters none;
    pq_rows rows;
    check(connection_.query("FETCH 1000 FROM periods", none, rows));
    for (int i = 0; i < row_count(rows); ++i) {
        periods_.push_back({.subscription_id = uuid_at(rows, i, 0),
                            .account_id = uuid_at(rows, i, 1),
                            .start = time_at(rows, i, 2, 0),
                            .end = time_at(rows, i, 3, 0),
                            .calls = int64_at(rows, i, 4),
                            .lower = time_at(rows, i, 5, INT64_MIN),
                            .upper = time_at(rows, i, 6, INT64_MAX)});
    }
}

std::vector<rerate_period> rerate_reader::next_periods(std::int64_t calls_max) {
    // Small periods are read together, a large one alone: about `calls_max` calls in either case.
    constexpr std::size_t periods_max = 1000;
    std::vector<rerate_period> found;
    std::int64_t calls = 0;
    while (found.size() < periods_max) {
        if (periods_given_ == periods_.size()) {
            read_periods_ahead();
            if (periods_.empty()) {
                break;
            }
        }

        // At least one period, however many calls it has.
        auto const& next = periods_[periods_given_];
        calls += next.calls;
        if (!found.empty() && calls > calls_max) {
            break;
        }
        found.push_back(next);
        ++periods_given_;
    }
    return found;
}

void rerate_reader::fill_keys(std::span<rerate_period const> periods,
                              rerate_position const& position) {
    // One array per column; the statement joins them with the calls.
    subscription_.clear();
    account_.clear();
    start_.clear();
    end_.clear();
    for (auto const& period : periods) {
        subscription_.add(period.subscription_id);
        account_.add(period.account_id);
        start_.add_time(period.start);
        end_.add_time(period.end);
    }

    // Only the first period may be partly done.
    auto const& first = periods.front();
    bool const is_partial = position.moment != ingest::never_us &&
                            position.period_start == first.start &&
                            position.subscription_id == first.subscription_id;
    values_.clear();
    values_.add(subscription_).add(account_).add(start_).add(end_);
    values_.add_int64(is_partial ? 1 : 0)
        .add_time(position.moment)
        .add_time(position.start)
        .add(position.call_id);
}

void rerate_reader::read_before(std::string const& calls, std::vector<period_before>& before) {
    // What the calls that are yet to be rated have drawn, to be subtracted from the usage row (C2).
    pq_rows drawn;
    check(connection_.query("SELECT k.place, sum(c.allowance_seconds)" + calls +
                                " AND c.processing_status IN ('rated', 'rerated')"
                                " GROUP BY k.place",
                            values_, drawn));
    for (int i = 0; i < row_count(drawn); ++i) {
        before[static_cast<std::size_t>(int64_at(drawn, i, 0) - 1)].allowance_s =
            int64_at(drawn, i, 1);
    }

    // In the same snapshot, so that `corrections` belongs to these calls.
    parameters keys;
    keys.add(subscription_).add(start_);
    pq_rows corrected;
    check(connection_.query("SELECT k.place, u.corrections"
                            " FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY"
                            "  AS k(subscription_id, period_start, place)"
                            " JOIN billing.subscription_usage AS u"
                            "  ON u.subscription_id = k.subscription_id"
                            "  AND u.billing_period_start = k.period_start",
                            keys, corrected));
    for (int i = 0; i < row_count(corrected); ++i) {
        before[static_cast<std::size_t>(int64_at(corrected, i, 0) - 1)].corrections =
            int64_at(corrected, i, 1);
    }
}

std::vector<rerate_reader::period_before>
rerate_reader::read_calls(std::span<rerate_period const> periods, rerate_position const& position) {
    // REPEATABLE READ: sums, corrections and calls are of one moment (C3).
    fill_keys(periods, position);
    std::vector<period_before> before(periods.size());
    auto const calls = calls_from_sql(periods);
    check(connection_.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    read_before(calls, before);

    // By time of answer, the order in which the allowance is drawn (C2). The server sorts, on its
    // disk if there are many calls (C6).
    pq_rows ignored;
    check(connection_.query(
        "DECLARE calls NO SCROLL CURSOR FOR SELECT k.place, c.account_id, c.start_time,"
        " c.uuid, c.destination, c.direction, c.answer_time, c.duration, c.billsec,"
        " coalesce(c.billable_seconds, c.billsec), c.currency, c.processing_status,"
        " c.billed_seconds, c.allowance_seconds, c.cost, c.connect_fee, c.rate_per_minute,"
        " c.rate_id, c.matched_prefix, c.call_type" +
            calls +
            " ORDER BY k.place, coalesce(c.answer_time, c.start_time), c.start_time, c.uuid",
        values_, ignored));
    return before;
}

void rerate_reader::next_calls(std::int64_t calls_max, std::vector<rerate_call>& out) {
    out.clear();
    parameters none;
    pq_rows rows;
    check(connection_.query("FETCH " + std::to_string(calls_max) + " FROM calls", none, rows));
    for (int i = 0; i < row_count(rows); ++i) {
        out.push_back(call_at(rows, i));
    }
}

void rerate_reader::end_calls() {
    // The transaction only read: its end frees the snapshot and the cursor.
    check(connection_.execute("COMMIT"));
}

} // namespace tally::storage
