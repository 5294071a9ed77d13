#include "storage/postgres/pq_connection.hpp"

#include "storage/postgres/failure_class.hpp"
#include "storage/postgres/server_report.hpp"
#include "storage/postgres/socket_wait.hpp"

#include <libpq-fe.h>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;

} // namespace

void pq_clear::operator()(pg_result* r) const noexcept {
    PQclear(r);
}
void pq_connection::connection_close::operator()(pg_conn* c) const noexcept {
    PQfinish(c);
}
void pq_connection::cancel_free::operator()(pg_cancel* c) const noexcept {
    PQfreeCancel(c);
}

pq_connection::pq_connection(std::string connection_string, std::string purpose,
                             std::span<prepared_statement const> statements, limits bounds)
    : connection_string_(std::move(connection_string)), purpose_(std::move(purpose)),
      statements_(statements), bounds_(bounds), chunk_(nullptr, &PQfreemem) {}

pq_connection::pq_connection(std::string connection_string, std::string purpose)
    : pq_connection(std::move(connection_string), std::move(purpose), {}, limits{}) {}

pq_connection::~pq_connection() {
    close();
}

void pq_connection::close() noexcept {
    {
        std::lock_guard const hold{cancel_guard_};
        cancel_.reset();
    }
    connection_.reset();
}

bool pq_connection::is_open() const noexcept {
    return connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK;
}

result pq_connection::open() {
    if (cancelled_) {
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

    result status = connect();
    if (!status.ok()) {
        close();
    }
    return status;
}

result pq_connection::lost() {
    result status{failure::transient, {}, trimmed_message(PQerrorMessage(connection_.get()))};
    if (status.detail.empty()) {
        status.detail = "connection lost";
    }
    close();
    return status;
}

result pq_connection::failed(pg_result const* r) {
    // Without an SQLSTATE the report is libpq's own: the connection is lost.
    std::string_view const sqlstate =
        r == nullptr ? std::string_view{} : report_field(r, PG_DIAG_SQLSTATE);
    if (sqlstate.empty()) {
        return lost();
    }

    result status{classify(sqlstate, report_field(r, PG_DIAG_TABLE_NAME),
                           report_field(r, PG_DIAG_CONSTRAINT_NAME)),
                  std::string{sqlstate}, std::string{report_field(r, PG_DIAG_MESSAGE_PRIMARY)}};
    for (int const code : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT}) {
        if (auto const more = report_field(r, code); !more.empty()) {
            status.detail.append("; ").append(more);
        }
    }

    // After FATAL the server ends the session; after some errors the session is of no use.
    std::string_view const severity = report_field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool const fatal = severity == "FATAL" || severity == "PANIC";
    if (fatal || !is_open() || wants_new_connection(sqlstate)) {
        close();
    }
    return status;
}

/// Takes ownership of `last`.
result pq_connection::finish(pg_result* last, pq_rows* rows) {
    pq_rows held{last};
    switch (PQresultStatus(last)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_EMPTY_QUERY:
        if (rows != nullptr) {
            *rows = std::move(held);
        }
        return {};
    default:
        return failed(last);
    }
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
    return finish(PQexec(connection_.get(), sql.c_str()), &rows);
}

result pq_connection::query(std::string const& sql, parameters& values, pq_rows& rows) {
    if (result status = open(); !status.ok()) {
        return status;
    }
    return finish(PQexecParams(connection_.get(), sql.c_str(), values.count(), nullptr,
                               values.values(), values.lengths(), values.formats(), 1),
                  &rows);
}

result pq_connection::run(char const* name, parameters& values, pq_rows& rows) {
    if (result status = open(); !status.ok()) {
        return status;
    }
    return finish(PQexecPrepared(connection_.get(), name, values.count(), values.values(),
                                 values.lengths(), values.formats(), 1),
                  &rows);
}

bool pq_connection::send_pipeline(std::span<pipelined const> statements) {
    PGconn* const c = connection_.get();
    if (PQenterPipelineMode(c) != 1) {
        return false;
    }
    for (auto const& one : statements) {
        parameters none;
        parameters& values = one.values != nullptr ? *one.values : none;
        if (PQsendQueryPrepared(c, one.name, values.count(), values.values(), values.lengths(),
                                values.formats(), 1) != 1) {
            return false;
        }
    }
    return PQpipelineSync(c) == 1;
}

void pq_connection::collect_pipeline(std::size_t expected, pipeline_outcome& out) {
    PGconn* const c = connection_.get();
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
    out.rows.clear();
    out.answered = 0;
    out.refused = false;
    out.status = open();
    if (!out.status.ok()) {
        return;
    }

    if (!send_pipeline(statements)) {
        // The server may have reported the reason before it closed the connection.
        collect_pipeline(statements.size(), out);
        if (out.status.ok()) {
            out.status = lost();
        }
        close();
        return;
    }
    collect_pipeline(statements.size(), out);

    // Discard the results of skipped statements up to the answer to the sync: only then may the
    // pipeline mode end. One null follows each statement; three in a row mean that the connection
    // is lost.
    for (int nulls = 0; is_open() && nulls < 3;) {
        pq_rows const rest{PQgetResult(connection_.get())};
        nulls = rest == nullptr ? nulls + 1 : 0;
        if (PQresultStatus(rest.get()) == PGRES_PIPELINE_SYNC) {
            break;
        }
    }
    if (is_open() && PQexitPipelineMode(connection_.get()) != 1) {
        close();
    }
}

result pq_connection::begin_copy_in(std::string const& sql) {
    return execute(sql);
}

result pq_connection::copy_chunk(std::string_view bytes) {
    if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1) {
        return {};
    }
    return lost();
}

result pq_connection::end_copy_in() {
    if (PQputCopyEnd(connection_.get(), nullptr) != 1) {
        return lost();
    }
    result status = finish(PQgetResult(connection_.get()), nullptr);

    // libpq accepts the next command only after the null result.
    while (is_open()) {
        pq_rows const rest{PQgetResult(connection_.get())};
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
    char* data = nullptr;
    int const bytes = PQgetCopyData(connection_.get(), &data, 0);
    chunk_.reset(data);
    if (bytes > 0) {
        chunk = {data, static_cast<std::size_t>(bytes)};
        return true;
    }

    // PQgetCopyData: -2 is an error, -1 the end of the data, whose result says if all is well.
    if (bytes == -2) {
        status = lost();
        return false;
    }
    status = finish(PQgetResult(connection_.get()), nullptr);
    while (is_open() && pq_rows{PQgetResult(connection_.get())} != nullptr) {
    }
    return false;
}

result pq_connection::wait_notified(int timeout_ms, bool& notified) {
    notified = false;
    if (!is_open()) {
        return {failure::transient, {}, "not connected"};
    }
    auto const deadline = clock::now() + std::chrono::milliseconds{timeout_ms};
    for (;;) {
        if (PQconsumeInput(connection_.get()) != 1 || !is_open()) {
            return lost();
        }
        while (PGnotify* const one = PQnotifies(connection_.get())) {
            notified = true;
            PQfreemem(one);
        }
        int const left = ms_left(deadline);
        if (notified || left == 0 || cancelled_) {
            return {};
        }
        // In short pieces, so that cancel() takes effect soon.
        wait_for_socket(connection_.get(), false, std::min(left, 200));
    }
}

void pq_connection::cancel() noexcept {
    cancelled_ = true;
    std::lock_guard const hold{cancel_guard_};
    if (cancel_ != nullptr) {
        // A server that hangs may not answer a cancel request; the shutdown wakes our thread.
        ::shutdown(socket_, SHUT_RDWR);
        char message[256];
        PQcancel(cancel_.get(), message, sizeof message);
    }
}

} // namespace tally::storage
