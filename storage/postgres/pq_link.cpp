#include "storage/postgres/pq_link.hpp"

#include "storage/postgres/failure_class.hpp"
#include "storage/postgres/server_hosts.hpp"
#include "storage/postgres/server_report.hpp"
#include "storage/postgres/socket_wait.hpp"

#include <libpq-fe.h>

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;

/// The connect_timeout of a connection's string or of the environment, which PQconnectPoll() leaves
/// to its caller.
std::chrono::milliseconds connect_timeout(pg_conn* connection, int default_ms) {
    std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> const options{
        PQconninfo(connection), PQconninfoFree};
    for (auto const* each = options.get(); each != nullptr && each->keyword != nullptr; ++each) {
        if (std::string_view{each->keyword} == "connect_timeout" && each->val != nullptr) {
            int const seconds = std::atoi(each->val);
            return seconds > 0 ? std::chrono::seconds{seconds}
                               : std::chrono::milliseconds{default_ms};
        }
    }
    return std::chrono::milliseconds{default_ms};
}

} // namespace

// A COMMIT that was answered must survive a crash of the server, whatever the server's default is;
// stronger settings (remote_apply) are kept.
char const* const pq_link::common_settings =
    "SET client_encoding = 'UTF8';"
    "SET datestyle = 'ISO';"
    "SET client_min_messages = warning;"
    "SELECT set_config('synchronous_commit', 'on', false) WHERE"
    " current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');"
    "SET tcp_keepalives_idle = 30;"
    "SET tcp_keepalives_interval = 10;"
    "SET tcp_keepalives_count = 3;";

void pq_link::connection_close::operator()(pg_conn* c) const noexcept {
    PQfinish(c);
}
void pq_link::cancel_free::operator()(pg_cancel* c) const noexcept {
    PQfreeCancel(c);
}

pq_link::pq_link(std::string connection_string, std::string purpose, int connect_timeout_ms)
    : connection_string_(std::move(connection_string)), purpose_(std::move(purpose)),
      connect_timeout_ms_(connect_timeout_ms) {}

pq_link::~pq_link() {
    close();
}

void pq_link::close() noexcept {
    {
        // cancel() may be using the socket in another thread at this moment.
        std::lock_guard const hold{cancel_guard_};
        cancel_.reset();
    }
    connection_.reset();
}

bool pq_link::is_open() const noexcept {
    return connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK;
}

/// Tries each server of the connection string with a timeout of its own. libpq alone would spend
/// all the time on the first server if that one does not answer.
result pq_link::open(std::function<result()> const& set_up) {
    if (cancelled_) {
        return {failure::transient, {}, "canceled"};
    }

    // Every server is tried, since one that refuses may be a standby in the middle of a failover.
    result status;
    for (auto const& host : hosts_of(connection_string_)) {
        close();
        result tried = connect_to(host, set_up);
        if (tried.ok()) {
            return tried;
        }

        // If any server failed transiently, report transient so that the caller retries.
        std::string detail = status.detail.empty() ? "" : status.detail + "; ";
        detail += tried.detail;
        status = status.reason == failure::transient ? status : tried;
        status.detail = std::move(detail);
        if (cancelled_) {
            status = tried;
            break;
        }
    }
    close();
    return status;
}

result pq_link::connect_to(server_host const& host, std::function<result()> const& set_up) {
    // A later parameter overrides an earlier one, and dbname expands to the connection string. So
    // what precedes dbname is a default, and what follows it is not negotiable.
    // Of several servers the one that takes writes is meant: a primary that came back as a standby
    // may be named first.
    bool const is_one_of_several = hosts_of(connection_string_).size() > 1;
    char const* const keywords[] = {"target_session_attrs",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "dbname",
                                    "application_name",
                                    "host",
                                    "hostaddr",
                                    "port",
                                    nullptr};
    char const* const values[] = {is_one_of_several ? "read-write" : "any",
                                  "30",
                                  "10",
                                  "3",
                                  "30000",
                                  connection_string_.c_str(),
                                  purpose_.c_str(),
                                  host.host.empty() ? nullptr : host.host.c_str(),
                                  host.hostaddr.empty() ? nullptr : host.hostaddr.c_str(),
                                  host.port.empty() ? nullptr : host.port.c_str(),
                                  nullptr};

    // Without blocking, so that a deadline and cancel() can end it.
    connection_.reset(PQconnectStartParams(keywords, values, 1));
    if (connection_ == nullptr) {
        return {failure::transient, {}, "out of memory"};
    }
    if (result status = poll_until_connected(); !status.ok()) {
        return status;
    }

    // From here on cancel() can reach the connection.
    {
        std::lock_guard const hold{cancel_guard_};
        cancel_.reset(PQgetCancel(connection_.get()));
        socket_ = PQsocket(connection_.get());
    }

    // The session is a new one: what the last one had (prepared statements, locks, LISTEN) is gone.
    ++generation_;
    return set_up();
}

result pq_link::poll_until_connected() {
    PGconn* const c = connection_.get();
    PQsetErrorVerbosity(c, PQERRORS_VERBOSE); // with the SQLSTATE, see sqlstate_of_refusal()
    auto const deadline = clock::now() + connect_timeout(c, connect_timeout_ms_);

    // The loop that the manual of PQconnectPoll prescribes, with a deadline.
    auto state = PQstatus(c) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        int const left = ms_left(deadline);
        if (left == 0 || cancelled_) {
            return {failure::transient, {}, cancelled_ ? "canceled" : "no connection in time"};
        }
        // In short pieces, so that cancel() takes effect soon.
        if (wait_for_socket(c, state == PGRES_POLLING_WRITING, std::min(left, 200))) {
            state = PQconnectPoll(c);
        }
    }

    // The server's refusal is known as text only, which has the SQLSTATE because of the verbosity.
    if (state == PGRES_POLLING_FAILED) {
        std::string message = trimmed_message(PQerrorMessage(c));
        std::string sqlstate = sqlstate_of_refusal(message);
        failure const reason = classify(sqlstate, {}, {});
        return {reason, std::move(sqlstate), plain_refusal(std::move(message))};
    }

    // Notices (NOTICE, WARNING) would go to stderr.
    PQsetErrorVerbosity(c, PQERRORS_DEFAULT);
    auto const ignore = [](void*, char const*) {};
    PQsetNoticeProcessor(c, ignore, nullptr);
    return {};
}

result pq_link::lost() {
    // The message is read before close(), which frees it.
    result status{failure::transient, {}, trimmed_message(PQerrorMessage(connection_.get()))};
    if (status.detail.empty()) {
        status.detail = "connection lost";
    }
    close();
    return status;
}

result pq_link::failed(pg_result const* r) {
    // Without an SQLSTATE the report is libpq's own: the connection is lost.
    std::string_view const sqlstate =
        r == nullptr ? std::string_view{} : report_field(r, PG_DIAG_SQLSTATE);
    if (sqlstate.empty()) {
        return lost();
    }

    result status = failure_of(r);

    // After FATAL the server ends the session.
    std::string_view const severity = report_field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool const fatal = severity == "FATAL" || severity == "PANIC";
    if (fatal || !is_open()) {
        close();
    }
    return status;
}

result pq_link::finish(pg_result* last, pq_rows* rows) {
    // Owned from here on, so that every path frees it.
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

void pq_link::cancel() noexcept {
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
