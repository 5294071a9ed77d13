#include "storage/postgres/pq_connection.hpp"

#include "storage/postgres/failure_class.hpp"
#include "storage/postgres/socket_wait.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;

} // namespace

pq_connection::pq_connection(std::string connection_string, std::string purpose,
                             std::span<prepared_statement const> statements, limits bounds)
    : link_(std::move(connection_string), std::move(purpose), bounds.connect_timeout_ms),
      statements_(statements), bounds_(bounds), chunk_(nullptr, &PQfreemem) {}

pq_connection::pq_connection(std::string connection_string, std::string purpose)
    : pq_connection(std::move(connection_string), std::move(purpose), {}, limits{}) {}

result pq_connection::open() {
    if (link_.is_cancelled()) {
        return {failure::transient, {}, "canceled"};
    }
    if (is_open()) {
        return {};
    }

    // A connection that libpq reports as bad is of no use.
    close();
    if (pinned_) {
        return {failure::transient, {}, "connection lost within a transaction"};
    }
    return link_.open([this] {
        result outcome = set_session_up();
        return outcome.ok() ? prepare_all() : outcome;
    });
}

result pq_connection::set_session_up() {
    std::string sql = pq_link::common_settings;
    sql += "SET timezone = 'UTC';"
           "SET jit = off;"
           // A daemon that vanished must not keep rows locked.
           "SET idle_in_transaction_session_timeout = '60s';";
    if (bounds_.locks_in_order) {
        sql += "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;"
               // A generic plan made while the tables are empty would be kept when they are full.
               "SET plan_cache_mode = force_custom_plan;";
    }
    sql += "SET statement_timeout = " + std::to_string(bounds_.statement_timeout_ms) + ";";
    sql += "SET lock_timeout = " + std::to_string(bounds_.lock_timeout_ms);

    // One round trip for all settings; the simple protocol takes several statements.
    pq_rows ignored;
    return execute_now(sql, ignored);
}

result pq_connection::prepare_all() {
    // Parameter types are left to the server, which finds them in the casts of each statement
    // ($1::uuid[]).
    for (auto const& statement : statements_) {
        result status =
            finish(PQprepare(link_.get(), statement.name, statement.sql, 0, nullptr), nullptr);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

/// Takes ownership of `last`. After some errors the session is of no use, though it is connected.
result pq_connection::finish(pg_result* last, pq_rows* rows) {
    result status = link_.finish(last, rows);
    if (wants_new_connection(status.sqlstate)) {
        close();
    }
    return status;
}

result pq_connection::execute(std::string const& sql) {
    pq_rows ignored;
    return execute(sql, ignored);
}

result pq_connection::execute(std::string const& sql, pq_rows& rows) {
    result status = open();
    return status.ok() ? execute_now(sql, rows) : status;
}

/// Needs an open connection and does not open it: open() calls this to set up the session.
result pq_connection::execute_now(std::string const& sql, pq_rows& rows) {
    return finish(PQexec(link_.get(), sql.c_str()), &rows);
}

result pq_connection::query(std::string const& sql, parameters& values, pq_rows& rows) {
    if (result status = open(); !status.ok()) {
        return status;
    }
    return finish(PQexecParams(link_.get(), sql.c_str(), values.count(), nullptr, values.values(),
                               values.lengths(), values.formats(), 1),
                  &rows);
}

result pq_connection::run(char const* name, parameters& values, pq_rows& rows) {
    if (result status = open(); !status.ok()) {
        return status;
    }
    return finish(PQexecPrepared(link_.get(), name, values.count(), values.values(),
                                 values.lengths(), values.formats(), 1),
                  &rows);
}

bool pq_connection::send_pipeline(std::span<pipelined const> statements) {
    PGconn* const c = link_.get();
    if (PQenterPipelineMode(c) != 1) {
        return false;
    }

    // Sent without waiting for answers, which is what makes it one round trip.
    for (auto const& one : statements) {
        parameters none;
        parameters& values = one.values != nullptr ? *one.values : none;
        if (PQsendQueryPrepared(c, one.name, values.count(), values.values(), values.lengths(),
                                values.formats(), 1) != 1) {
            return false;
        }
    }

    // After an error the server skips all statements up to the sync.
    return PQpipelineSync(c) == 1;
}

void pq_connection::collect_pipeline(std::size_t expected, pipeline_outcome& out) {
    // Up to the first error: everything after it was skipped, and its results say only that.
    PGconn* const c = link_.get();
    for (std::size_t i = 0; i < expected && out.status.ok(); ++i) {
        PGresult* const rows = PQgetResult(c);
        out.rows.emplace_back();
        out.status = finish(rows, &out.rows.back());
        if (!out.status.ok()) {
            out.refused = !out.status.sqlstate.empty();
            break;
        }
        ++out.answered;
        PQclear(PQgetResult(c)); // in a pipeline a null result ends each statement
    }
}

void pq_connection::run_pipeline(std::span<pipelined const> statements, pipeline_outcome& out) {
    // A pipeline that failed halfway must not leave answers of the one before it.
    out.rows.clear();
    out.answered = 0;
    out.refused = false;
    out.status = open();
    if (!out.status.ok()) {
        return;
    }

    // One round trip: all statements are sent before the first answer is read.
    if (!send_pipeline(statements)) {
        // The server may have reported the reason before it closed the connection.
        collect_pipeline(statements.size(), out);
        if (out.status.ok()) {
            out.status = link_.lost();
        }
        close();
        return;
    }
    collect_pipeline(statements.size(), out);

    // Discard the results of skipped statements up to the answer to the sync: only then may the
    // pipeline mode end. One null follows each statement; three in a row mean that the connection
    // is lost.
    for (int nulls = 0; is_open() && nulls < 3;) {
        pq_rows const rest{PQgetResult(link_.get())};
        nulls = rest == nullptr ? nulls + 1 : 0;
        if (PQresultStatus(rest.get()) == PGRES_PIPELINE_SYNC) {
            break;
        }
    }
    if (is_open() && PQexitPipelineMode(link_.get()) != 1) {
        close();
    }
}

result pq_connection::begin_copy_in(std::string const& sql) {
    return execute(sql);
}

result pq_connection::copy_chunk(std::string_view bytes) {
    // Blocks when the socket's buffer is full, which bounds the memory that libpq uses.
    if (PQputCopyData(link_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1) {
        return {};
    }
    return link_.lost();
}

result pq_connection::end_copy_in() {
    // Rows that the server refuses are reported here, at the end of the COPY.
    if (PQputCopyEnd(link_.get(), nullptr) != 1) {
        return link_.lost();
    }
    result status = finish(PQgetResult(link_.get()), nullptr);

    // libpq accepts the next command only after the null result.
    while (is_open()) {
        pq_rows const rest{PQgetResult(link_.get())};
        if (rest == nullptr) {
            break;
        }
    }
    return status;
}

result pq_connection::begin_copy_out(std::string const& sql) {
    return execute(sql);
}

bool pq_connection::next_chunk(result& status, std::string_view& chunk) {
    // One row at a time, as the server sends it; the chunk before is freed.
    char* data = nullptr;
    int const bytes = PQgetCopyData(link_.get(), &data, 0);
    chunk_.reset(data);
    if (bytes > 0) {
        chunk = {data, static_cast<std::size_t>(bytes)};
        return true;
    }

    // PQgetCopyData: -2 is an error, -1 the end of the data, whose result says if all is well.
    if (bytes == -2) {
        status = link_.lost();
        return false;
    }
    status = finish(PQgetResult(link_.get()), nullptr);
    while (is_open() && pq_rows{PQgetResult(link_.get())} != nullptr) {
    }
    return false;
}

expected<bool> pq_connection::wait_notified(int timeout_ms) {
    // Does not open the connection: a new one has no LISTEN, and what was sent meanwhile is lost.
    if (!is_open()) {
        return result{failure::transient, {}, "not connected"};
    }

    auto const deadline = clock::now() + std::chrono::milliseconds{timeout_ms};
    for (bool notified = false;;) {
        if (PQconsumeInput(link_.get()) != 1 || !is_open()) {
            return link_.lost();
        }

        // Several changes are one: the caller reads everything again.
        while (PGnotify* const one = PQnotifies(link_.get())) {
            notified = true;
            PQfreemem(one);
        }
        int const left = ms_left(deadline);
        if (notified || left == 0 || link_.is_cancelled()) {
            return notified;
        }

        // In short pieces, so that cancel() takes effect soon.
        wait_for_socket(link_.get(), false, std::min(left, 200));
    }
}

} // namespace tally::storage
