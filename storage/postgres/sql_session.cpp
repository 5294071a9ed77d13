#include "storage/postgres/sql_session.hpp"

#include "storage/postgres/server_report.hpp"

#include <libpq-fe.h>

#include <atomic>

namespace tally::storage {

namespace {

// libpq calls the receiver from whichever thread uses its connection.
std::atomic<notice_log> process_log = nullptr;

void receive_notice(void* /*unused*/, PGresult const* notice) {
    if (notice_log const log = process_log.load(); log != nullptr) {
        log(report_field(notice, PG_DIAG_SEVERITY_NONLOCALIZED),
            report_field(notice, PG_DIAG_MESSAGE_PRIMARY));
    }
}

std::string session_settings(sql_session::limits const& bounds) {
    std::string sql = pq_link::common_settings;
    // Without a limit the settings of the role hold: an operator may have given it some.
    if (bounds.statement_timeout_ms) {
        sql += "SET statement_timeout = " + std::to_string(*bounds.statement_timeout_ms) + ";";
    }
    if (bounds.lock_timeout_ms) {
        sql += "SET lock_timeout = " + std::to_string(*bounds.lock_timeout_ms) + ";";
    }
    return sql;
}

sql_rows rows_of(pq_rows const& answer) {
    // Copied out of libpq's result, which the caller need not keep.
    int const columns = PQnfields(answer.get());
    sql_rows rows;
    rows.reserve(static_cast<std::size_t>(row_count(answer)));
    for (int row = 0; row < row_count(answer); ++row) {
        std::vector<sql_value> fields;
        fields.reserve(static_cast<std::size_t>(columns));
        for (int column = 0; column < columns; ++column) {
            fields.push_back(is_null(answer, row, column)
                                 ? sql_value{}
                                 : sql_value{std::in_place, bytes_at(answer, row, column)});
        }
        rows.emplace_back(std::move(fields));
    }
    return rows;
}

} // namespace

void log_server_notices(notice_log log) noexcept {
    process_log = log;
}

sql_session::sql_session(std::string const& connection_string, std::string_view purpose,
                         limits const& bounds)
    : link_{connection_string, std::string{purpose}, bounds.connect_timeout_ms} {
    std::string const settings = session_settings(bounds);
    check(link_.open([&] {
        PQsetNoticeReceiver(link_.get(), receive_notice, nullptr);
        return link_.finish(PQexec(link_.get(), settings.c_str()), nullptr);
    }));
}

sql_session::sql_session(std::string const& connection_string, std::string_view purpose)
    : sql_session{connection_string, purpose, limits{}} {}

void sql_session::require_open() {
    // Session state would be lost with a silent reconnect: a lock that protects a migration, for
    // one.
    if (link_.is_cancelled() || !link_.is_open()) {
        check({failure::transient, {}, link_.is_cancelled() ? "canceled" : "connection lost"});
    }
}

/// Takes ownership of `answer`.
pq_rows sql_session::request(pg_result* answer) {
    pq_rows rows;
    check(link_.finish(answer, &rows));
    auto const status = PQresultStatus(rows.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
        link_.close(); // the server waits for rows, or sends them
        check({failure::permanent, "0A000", "this connection cannot COPY"});
    }
    return rows;
}

sql_rows sql_session::query(std::string const& sql, std::vector<sql_value> const& parameters) {
    require_open();
    // As text, and types left to the server: an operator's command is not a hot path.
    std::vector<char const*> pointers;
    pointers.reserve(parameters.size());
    for (sql_value const& value : parameters) {
        pointers.push_back(value ? value->c_str() : nullptr);
    }
    return rows_of(request(PQexecParams(link_.get(), sql.c_str(), static_cast<int>(pointers.size()),
                                        nullptr, pointers.data(), nullptr, nullptr, 0)));
}

sql_value sql_session::query_value(std::string const& sql,
                                   std::vector<sql_value> const& parameters) {
    sql_rows const rows = query(sql, parameters);
    return rows.empty() || rows.front().size() == 0 ? sql_value{} : rows.front()[0];
}

sql_rows sql_session::execute(std::string const& script) {
    require_open();
    return rows_of(request(PQexec(link_.get(), script.c_str())));
}

int sql_session::server_version() const noexcept {
    return PQserverVersion(link_.get());
}

server_address sql_session::address() const {
    auto const text = [](char const* part) { return std::string{part != nullptr ? part : ""}; };
    return {text(PQdb(link_.get())), text(PQhost(link_.get())), text(PQport(link_.get()))};
}

std::string describe_database(std::string const& connection_string) {
    auto const address = sql_session{connection_string, "tallyd"}.address();
    return "database \"" + address.database + "\" at " +
           (address.host.empty() ? "a local socket" : address.host) + ", port " + address.port;
}

sql_transaction::sql_transaction(sql_session& session) : session_{session} {
    session_.execute("BEGIN");
}

sql_transaction::~sql_transaction() {
    if (is_open_) {
        try {
            session_.execute("ROLLBACK");
        } catch (database_error const&) {
            // The connection is lost, so the server has rolled back.
        }
    }
}

void sql_transaction::commit() {
    is_open_ = false; // a COMMIT that fails has rolled back: no ROLLBACK after it
    session_.execute("COMMIT");
}

sql_savepoint::sql_savepoint(sql_session& session) : session_{session} {
    session_.execute("SAVEPOINT tallyd");
}

sql_savepoint::~sql_savepoint() {
    if (is_open_) {
        try {
            session_.execute("ROLLBACK TO SAVEPOINT tallyd; RELEASE SAVEPOINT tallyd");
        } catch (database_error const&) {
            // The connection is lost, so the server has rolled back.
        }
    }
}

void sql_savepoint::keep() {
    is_open_ = false;
    session_.execute("RELEASE SAVEPOINT tallyd");
}

} // namespace tally::storage
