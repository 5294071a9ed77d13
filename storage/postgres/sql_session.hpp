#pragma once

#include "storage/postgres/database_error.hpp"
#include "storage/postgres/pq_link.hpp"
#include "storage/postgres/sql_row.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// Receives what the server reports beside an answer: `severity` is "WARNING" and the like.
using notice_log = void (*)(std::string_view severity, std::string_view message);
/// Makes `log` the receiver for all sql_sessions of the process; without one, notices are dropped.
/// Any thread; `log` may be called by every thread that has a session.
void log_server_notices(notice_log log) noexcept;

/// Where a session is connected. For a Unix socket `host` is its folder.
struct server_address {
    std::string database;
    std::string host;
    std::string port;
};

/// One connection for statements where speed does not matter and an operator waits for the outcome:
/// migrations, seeds, commands. Every failure is a database_error.
///
///     sql_session session{connection_string, "tallyd source"};
///     for (sql_row const& row : session.query("SELECT name, id FROM t WHERE n = $1", {"7"})) {
///         use(row.text(0), row.integer(1));
///     }
///
/// Never reconnects by itself, so session state (locks, transactions) stays what the caller made
/// it. Used by one thread at a time, except cancel().
class sql_session {
  public:
    /// nullopt: the settings that the server has for the role.
    struct limits {
        std::optional<int> statement_timeout_ms = std::nullopt;
        std::optional<int> lock_timeout_ms = std::nullopt;
        int connect_timeout_ms = 10'000; ///< for each server that the connection string names
    };

    /// Connects. `purpose` is the application name in pg_stat_activity.
    sql_session(std::string const& connection_string, std::string_view purpose,
                limits const& bounds);
    sql_session(std::string const& connection_string, std::string_view purpose);

    /// One statement with parameters $1, $2...
    sql_rows query(std::string const& sql, std::vector<sql_value> const& parameters = {});
    /// First column of the first row; nullopt if it is NULL or there is no row.
    sql_value query_value(std::string const& sql, std::vector<sql_value> const& parameters = {});

    /// Any number of statements, in one implicit transaction unless the script or the caller begins
    /// one; the rows of the last. A COPY between client and server is refused.
    sql_rows execute(std::string const& script);

    /// Version of the server, as 150020.
    [[nodiscard]] int server_version() const noexcept;
    [[nodiscard]] server_address address() const;

    /// Any thread: aborts a running request; this and all further ones are temporary failures.
    void cancel() noexcept { link_.cancel(); }

  private:
    pq_rows request(pg_result* answer);
    void require_open();

    pq_link link_;
};

/// The database that a connection string leads to, for a question to the operator: `database
/// "tally" at db.example.org, port 5432`.
std::string describe_database(std::string const& connection_string);

/// BEGIN in the constructor, ROLLBACK in the destructor unless commit() was called.
class sql_transaction {
  public:
    explicit sql_transaction(sql_session& session);
    ~sql_transaction();
    sql_transaction(sql_transaction const&) = delete;
    sql_transaction& operator=(sql_transaction const&) = delete;

    void commit();

  private:
    sql_session& session_;
    bool is_open_ = true;
};

/// SAVEPOINT in the constructor; the destructor undoes what came after it, unless keep() was
/// called. Within a transaction; the last one that was made ends first.
class sql_savepoint {
  public:
    explicit sql_savepoint(sql_session& session);
    ~sql_savepoint();
    sql_savepoint(sql_savepoint const&) = delete;
    sql_savepoint& operator=(sql_savepoint const&) = delete;

    void keep();

  private:
    sql_session& session_;
    bool is_open_ = true;
};

} // namespace tally::storage
