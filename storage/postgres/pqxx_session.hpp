#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// A statement that PostgreSQL refused, or a lost connection (empty sqlstate).
class sql_error : public std::runtime_error {
  public:
    sql_error(std::string const& message, std::string sqlstate);

    [[nodiscard]] std::string const& sqlstate() const noexcept { return sqlstate_; }
    [[nodiscard]] bool is_connection_lost() const noexcept { return sqlstate_.empty(); }

  private:
    std::string sqlstate_;
};

using sql_value = std::optional<std::string>; ///< in PostgreSQL's text form; nullopt is NULL
using sql_row = std::vector<sql_value>;
using sql_rows = std::vector<sql_row>;

/// One connection for statements where speed does not matter: migrations, seeds, admin queries.
/// Hides libpqxx, whose interface differs between 6.4 and 7.x. Used by one thread at a time. Never
/// reconnects by itself, so session state (locks, transactions) stays what the caller made it.
class pqxx_session {
  public:
    /// Connects. `purpose` is the application name in pg_stat_activity. Throws sql_error.
    pqxx_session(std::string const& connection_string, std::string_view purpose);
    ~pqxx_session();
    pqxx_session(pqxx_session const&) = delete;
    pqxx_session& operator=(pqxx_session const&) = delete;

    /// One statement with parameters $1, $2... Throws sql_error.
    sql_rows query(std::string const& sql, std::vector<sql_value> const& parameters = {});
    /// First column of the first row; nullopt if it is NULL or there is no row.
    sql_value query_value(std::string const& sql, std::vector<sql_value> const& parameters = {});

    /// Any number of statements, in one implicit transaction unless the script or the caller begins
    /// one. Throws sql_error.
    void execute(std::string const& script);

    /// Version of the server, as 150020.
    [[nodiscard]] int server_version() const noexcept;

  private:
    friend std::string describe_database(std::string const& connection_string);
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// The database that a connection string leads to, for a question to the operator: `database
/// "tally" at db.example.org, port 5432`. For a Unix socket the host is its folder. Throws
/// sql_error.
std::string describe_database(std::string const& connection_string);

/// BEGIN in the constructor, ROLLBACK in the destructor unless commit() was called.
class sql_transaction {
  public:
    explicit sql_transaction(pqxx_session& session);
    ~sql_transaction();
    sql_transaction(sql_transaction const&) = delete;
    sql_transaction& operator=(sql_transaction const&) = delete;

    void commit();

  private:
    pqxx_session& session_;
    bool is_open_ = true;
};

} // namespace tally::storage
