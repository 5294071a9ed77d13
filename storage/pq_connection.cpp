#include "storage/pq_connection.hpp"

#include "storage/server_hosts.hpp"

#include "storage/failure_class.hpp"
#include "storage/server_report.hpp"

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

int ms_left(clock::time_point deadline) noexcept {
    auto const left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
}

/// True when the socket is ready; false when the time is up.
bool wait_for_socket(PGconn* connection, bool write, int timeout_ms) noexcept {
    pollfd one{PQsocket(connection), static_cast<short>(write ? POLLOUT : POLLIN), 0};
    int const ready = ::poll(&one, 1, timeout_ms);
    return ready > 0 || (ready < 0 && errno == EINTR);
}

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
        return {failure::transient, {}, "cancelled"};
    }
    if (is_open()) {
        return {};
    }
    close();
    if (pinned_) {
        return {failure::transient, {}, "connection lost within a transaction"};
    }
    result said = connect();
    if (!said.ok()) {
        close();
    }
    return said;
}

/// Each server that the connection string names has a time-out of its own: left to itself, libpq
/// waits for the first of them alone when that one says nothing.
result pq_connection::connect() {
    auto const hosts = hosts_of(connection_string_);
    result said;
    for (auto const& host : hosts) {
        result const tried = connect_to(host);
        if (tried.ok() || cancelled_) {
            return tried;
        }
        // What may heal by itself is waited for, whatever the others say.
        std::string detail = said.detail.empty() ? "" : said.detail + "; ";
        detail += tried.detail;
        said = said.why == failure::transient ? said : tried;
        said.detail = std::move(detail);
        close();
    }
    return said;
}

result pq_connection::connect_to(server_host const& host) {
    // Before dbname: defaults that the connection string may override. Behind it: what is ours.
    char const* const keywords[] = {"keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "dbname",
                                    "application_name",
                                    "host",
                                    "hostaddr",
                                    "port",
                                    nullptr};
    char const* const values[] = {"30",
                                  "10",
                                  "3",
                                  "30000",
                                  connection_string_.c_str(),
                                  purpose_.c_str(),
                                  host.host.empty() ? nullptr : host.host.c_str(),
                                  host.hostaddr.empty() ? nullptr : host.hostaddr.c_str(),
                                  host.port.empty() ? nullptr : host.port.c_str(),
                                  nullptr};
    connection_.reset(PQconnectStartParams(keywords, values, 1));
    if (connection_ == nullptr) {
        return {failure::transient, {}, "out of memory"};
    }
    if (result said = poll_until_connected(); !said.ok()) {
        return said;
    }
    {
        std::lock_guard const hold{cancel_guard_};
        cancel_.reset(PQgetCancel(connection_.get()));
        socket_ = PQsocket(connection_.get());
    }
    ++generation_;
    result said = set_session_up();
    return said.ok() ? prepare_all() : said;
}

result pq_connection::poll_until_connected() {
    PGconn* const c = connection_.get();
    PQsetErrorVerbosity(c, PQERRORS_VERBOSE); // with SQLSTATE, see sqlstate_of_refusal
    auto const deadline = clock::now() + std::chrono::milliseconds{bounds_.connect_timeout_ms};
    auto state = PQstatus(c) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        int const left = ms_left(deadline);
        if (left == 0 || cancelled_) {
            return {failure::transient, {}, cancelled_ ? "cancelled" : "no connection in time"};
        }
        // Short waits, so that cancel() is seen.
        if (wait_for_socket(c, state == PGRES_POLLING_WRITING, std::min(left, 200))) {
            state = PQconnectPoll(c);
        }
    }
    if (state == PGRES_POLLING_FAILED) {
        std::string message = trimmed_message(PQerrorMessage(c));
        std::string sqlstate = sqlstate_of_refusal(message);
        failure const why = classify(sqlstate, {}, {});
        return {why, std::move(sqlstate), std::move(message)};
    }
    PQsetErrorVerbosity(c, PQERRORS_DEFAULT);
    auto const ignore = [](void*, char const*) {};
    PQsetNoticeProcessor(c, ignore, nullptr);
    return {};
}

result pq_connection::set_session_up() {
    std::string sql = "SET client_encoding = 'UTF8';"
                      "SET timezone = 'UTC';"
                      "SET datestyle = 'ISO';"
                      "SET client_min_messages = warning;"
                      "SET jit = off;"
                      // A daemon that vanished must not keep rows locked.
                      "SET idle_in_transaction_session_timeout = '60s';"
                      "SET tcp_keepalives_idle = 30;"
                      "SET tcp_keepalives_interval = 10;"
                      "SET tcp_keepalives_count = 3;";
    if (bounds_.locks_in_order) {
        sql += "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;"
               // A plan made while the tables are empty would be kept for the ones that filled up.
               "SET plan_cache_mode = force_custom_plan;";
    }
    sql += "SET statement_timeout = " + std::to_string(bounds_.statement_timeout_ms) + ";";
    sql += "SET lock_timeout = " + std::to_string(bounds_.lock_timeout_ms);
    pq_rows ignored;
    return execute_now(sql, ignored);
}

result pq_connection::prepare_all() {
    for (auto const& statement : statements_) {
        result said = finish(
            PQprepare(connection_.get(), statement.name, statement.sql, 0, nullptr), nullptr);
        if (!said.ok()) {
            return said;
        }
    }
    return {};
}

result pq_connection::lost() {
    result said{failure::transient, {}, trimmed_message(PQerrorMessage(connection_.get()))};
    if (said.detail.empty()) {
        said.detail = "connection lost";
    }
    close();
    return said;
}

result pq_connection::failed(pg_result const* r) {
    std::string_view const sqlstate =
        r == nullptr ? std::string_view{} : report_field(r, PG_DIAG_SQLSTATE);
    if (sqlstate.empty()) {
        return lost();
    }
    result said{classify(sqlstate, report_field(r, PG_DIAG_TABLE_NAME),
                         report_field(r, PG_DIAG_CONSTRAINT_NAME)),
                std::string{sqlstate}, std::string{report_field(r, PG_DIAG_MESSAGE_PRIMARY)}};
    for (int const code : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT}) {
        if (auto const more = report_field(r, code); !more.empty()) {
            said.detail.append("; ").append(more);
        }
    }
    std::string_view const severity = report_field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool const fatal = severity == "FATAL" || severity == "PANIC";
    if (fatal || !is_open() || wants_new_connection(sqlstate)) {
        close();
    }
    return said;
}

/// Takes `last` over.
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
    result said = open();
    return said.ok() ? execute_now(sql, rows) : said;
}

/// On an open connection; open() itself needs it for the session's settings.
result pq_connection::execute_now(std::string const& sql, pq_rows& rows) {
    return finish(PQexec(connection_.get(), sql.c_str()), &rows);
}

result pq_connection::query(std::string const& sql, parameters& values, pq_rows& rows) {
    if (result said = open(); !said.ok()) {
        return said;
    }
    return finish(PQexecParams(connection_.get(), sql.c_str(), values.count(), nullptr,
                               values.values(), values.lengths(), values.formats(), 1),
                  &rows);
}

result pq_connection::run(char const* name, parameters& values, pq_rows& rows) {
    if (result said = open(); !said.ok()) {
        return said;
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
    for (std::size_t i = 0; i < expected && out.what.ok(); ++i) {
        PGresult* const answer = PQgetResult(c);
        out.rows.emplace_back();
        out.what = finish(answer, &out.rows.back());
        if (!out.what.ok()) {
            out.refused = !out.what.sqlstate.empty();
            break;
        }
        ++out.answered;
        PQclear(PQgetResult(c)); // the null that ends one statement
    }
}

void pq_connection::run_pipeline(std::span<pipelined const> statements, pipeline_outcome& out) {
    out.rows.clear();
    out.answered = 0;
    out.refused = false;
    out.what = open();
    if (!out.what.ok()) {
        return;
    }
    if (!send_pipeline(statements)) {
        // The server may have said why before it closed.
        collect_pipeline(statements.size(), out);
        if (out.what.ok()) {
            out.what = lost();
        }
        close();
        return;
    }
    collect_pipeline(statements.size(), out);
    // To the sync's own answer, whatever comes before it; a lost connection gives nulls only.
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
    result said = finish(PQgetResult(connection_.get()), nullptr);
    while (is_open()) {
        pq_rows const rest{PQgetResult(connection_.get())};
        if (rest == nullptr) {
            break;
        }
    }
    return said;
}

result pq_connection::begin_copy_out(std::string const& sql) {
    return execute(sql);
}

bool pq_connection::next_chunk(result& said, std::string_view& chunk) {
    char* data = nullptr;
    int const bytes = PQgetCopyData(connection_.get(), &data, 0);
    chunk_.reset(data);
    if (bytes > 0) {
        chunk = {data, static_cast<std::size_t>(bytes)};
        return true;
    }
    if (bytes == -2) {
        said = lost();
        return false;
    }
    said = finish(PQgetResult(connection_.get()), nullptr);
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
        wait_for_socket(connection_.get(), false, std::min(left, 200));
    }
}

void pq_connection::cancel() noexcept {
    cancelled_ = true;
    std::lock_guard const hold{cancel_guard_};
    if (cancel_ != nullptr) {
        ::shutdown(socket_, SHUT_RDWR); // what stands still may answer no cancel request
        char message[256];
        PQcancel(cancel_.get(), message, sizeof message);
    }
}

} // namespace tally::storage
