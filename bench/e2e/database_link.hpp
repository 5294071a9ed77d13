#pragma once

#include "bench/support/catalog_sql.hpp"

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tally::bench {

/// One connection to the server under measurement. Every function throws std::runtime_error with
/// the server's message, since a bench cannot continue after a failure. One thread.
class database_link {
  public:
    explicit database_link(std::string const& connection_string);

    void execute(std::string const& statement);
    /// The first row of the result; empty text for NULL.
    std::vector<std::string> row(std::string const& query);
    std::string value(std::string const& query) { return row(query).at(0); }
    /// COPY ... FROM STDIN with all of `data`; a transaction of its own.
    void copy_in(std::string const& statement, std::string_view data);
    void run(std::vector<sql_step> const& steps);

    [[nodiscard]] PGconn* get() const noexcept { return connection_.get(); }
    [[nodiscard]] std::runtime_error failed(std::string const& action) const;

  private:
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// A PGresult that is freed at the end.
using pg_answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

} // namespace tally::bench
