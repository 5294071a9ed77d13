#include "storage/postgres/pq_connection.hpp"

#include "storage/postgres/failure_class.hpp"
#include "storage/postgres/server_hosts.hpp"
#include "storage/postgres/server_report.hpp"
#include "storage/postgres/socket_wait.hpp"

#include <libpq-fe.h>

#include <chrono>

// Opening a pq_connection: try its servers one after the other, then set up the session.

namespace tally::storage {

namespace {

using clock = std::chrono::steady_clock;

} // namespace

/// Tries each server of the connection string with a timeout of its own. libpq alone would spend
/// all the time on the first server if that one does not answer.
result pq_connection::connect() {
    auto const hosts = hosts_of(connection_string_);
    result status;
    for (auto const& host : hosts) {
        result tried = connect_to(host);
        if (tried.ok() || cancelled_) {
            return tried;
        }
        // If any server failed transiently, report transient so that the caller retries.
        std::string detail = status.detail.empty() ? "" : status.detail + "; ";
        detail += tried.detail;
        status = status.reason == failure::transient ? status : tried;
        status.detail = std::move(detail);
        close();
    }
    return status;
}

result pq_connection::connect_to(server_host const& host) {
    // A later parameter overrides an earlier one, and dbname expands to the connection string. So
    // what precedes dbname is a default, and what follows it is not negotiable.
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
    if (result status = poll_until_connected(); !status.ok()) {
        return status;
    }

    // From here on cancel() can reach the connection.
    {
        std::lock_guard const hold{cancel_guard_};
        cancel_.reset(PQgetCancel(connection_.get()));
        socket_ = PQsocket(connection_.get());
    }

    ++generation_;
    result outcome = set_session_up();
    return outcome.ok() ? prepare_all() : outcome;
}

result pq_connection::poll_until_connected() {
    PGconn* const c = connection_.get();
    PQsetErrorVerbosity(c, PQERRORS_VERBOSE); // with the SQLSTATE, see sqlstate_of_refusal()
    auto const deadline = clock::now() + std::chrono::milliseconds{bounds_.connect_timeout_ms};

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

    if (state == PGRES_POLLING_FAILED) {
        std::string message = trimmed_message(PQerrorMessage(c));
        std::string sqlstate = sqlstate_of_refusal(message);
        failure const reason = classify(sqlstate, {}, {});
        return {reason, std::move(sqlstate), std::move(message)};
    }

    // Notices (NOTICE, WARNING) would go to stderr.
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
                      // A COMMIT that was answered must survive a crash of the server, whatever
                      // the server's default is. Stronger settings (remote_apply) are kept.
                      "SELECT set_config('synchronous_commit', 'on', false) WHERE"
                      " current_setting('synchronous_commit') IN ('off', 'local');"
                      // A daemon that vanished must not keep rows locked.
                      "SET idle_in_transaction_session_timeout = '60s';"
                      "SET tcp_keepalives_idle = 30;"
                      "SET tcp_keepalives_interval = 10;"
                      "SET tcp_keepalives_count = 3;";
    if (bounds_.locks_in_order) {
        sql += "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;"
               // A generic plan made while the tables are empty would be kept when they are full.
               "SET plan_cache_mode = force_custom_plan;";
    }
    sql += "SET statement_timeout = " + std::to_string(bounds_.statement_timeout_ms) + ";";
    sql += "SET lock_timeout = " + std::to_string(bounds_.lock_timeout_ms);
    pq_rows ignored;
    return execute_now(sql, ignored);
}

result pq_connection::prepare_all() {
    for (auto const& statement : statements_) {
        result status = finish(
            PQprepare(connection_.get(), statement.name, statement.sql, 0, nullptr), nullptr);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

} // namespace tally::storage
