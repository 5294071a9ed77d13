#include "storage/postgres/pqxx_session.hpp"

#include <pqxx/pqxx>

namespace tally::storage {
namespace {

#if PQXX_VERSION_MAJOR < 7

// The call that forbids reconnecting is marked deprecated in the last 6.x, because 7 never does it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void never_reconnect(pqxx::connection& connection) {
    connection.inhibit_reactivation(true);
}
#pragma GCC diagnostic pop

pqxx::result run(pqxx::nontransaction& transaction, std::string const& sql,
                 std::vector<sql_value> const& parameters) {
    // For 6.4 a null pointer means NULL.
    std::vector<char const*> pointers;
    pointers.reserve(parameters.size());
    for (sql_value const& value : parameters) {
        pointers.push_back(value ? value->c_str() : nullptr);
    }
    return transaction.exec_params(sql, pqxx::prepare::make_dynamic_params(pointers));
}

#else

void never_reconnect(pqxx::connection&) {}

pqxx::params bound(std::vector<sql_value> const& parameters) {
    pqxx::params values;
    for (sql_value const& value : parameters) {
        if (value) {
            values.append(*value);
        } else {
            values.append();
        }
    }
    return values;
}

pqxx::result run(pqxx::nontransaction& transaction, std::string const& sql,
                 std::vector<sql_value> const& parameters) {
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
    return transaction.exec(sql, bound(parameters));
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" // in 7.9, whose exec may not take them
    return transaction.exec_params(sql, bound(parameters));
#pragma GCC diagnostic pop
#endif
}

#endif

/// Calls `what` and turns exceptions of libpqxx into sql_error.
template <typename Function>
auto translated(Function&& function) {
    try {
        return function();
    } catch (pqxx::sql_error const& error) {
        throw sql_error{error.what(), error.sqlstate()};
    } catch (pqxx::failure const& error) {
        throw sql_error{error.what(), {}};
    }
}

sql_rows rows_of(pqxx::result const& result) {
    sql_rows rows;
    rows.reserve(static_cast<std::size_t>(result.size()));
    for (auto const& row : result) {
        sql_row& values = rows.emplace_back();
        for (auto const& field : row) {
            values.push_back(field.is_null() ? sql_value{}
                                             : sql_value{std::in_place, field.c_str(),
                                                         static_cast<std::size_t>(field.size())});
        }
    }
    return rows;
}

} // namespace

struct pqxx_session::impl {
    pqxx::connection connection;
    std::optional<pqxx::nontransaction> statements; ///< the caller sends BEGIN where it needs one

    explicit impl(std::string const& connection_string) : connection{connection_string} {
        never_reconnect(connection);
        statements.emplace(connection);
    }
};

sql_error::sql_error(std::string const& message, std::string sqlstate)
    : std::runtime_error{message.substr(0, message.find_last_not_of('\n') + 1)},
      sqlstate_{std::move(sqlstate)} {}

pqxx_session::pqxx_session(std::string const& connection_string, std::string_view purpose)
    : impl_{translated([&] { return std::make_unique<impl>(connection_string); })} {
    query("SELECT set_config('application_name', $1, false), "
          "set_config('client_min_messages', 'warning', false)",
          {std::string{purpose}});
}

pqxx_session::~pqxx_session() = default;

sql_rows pqxx_session::query(std::string const& sql, std::vector<sql_value> const& parameters) {
    return translated([&] { return rows_of(run(*impl_->statements, sql, parameters)); });
}

sql_value pqxx_session::query_value(std::string const& sql,
                                    std::vector<sql_value> const& parameters) {
    sql_rows const rows = query(sql, parameters);
    return rows.empty() || rows.front().empty() ? sql_value{} : rows.front().front();
}

void pqxx_session::execute(std::string const& script) {
    translated([&] { impl_->statements->exec(script); });
}

int pqxx_session::server_version() const noexcept {
    return impl_->connection.server_version();
}

std::string describe_database(std::string const& connection_string) {
    pqxx_session session{connection_string, "tallyd"};
    auto& connection = session.impl_->connection;
    auto const text = [](char const* part) { return std::string{part != nullptr ? part : ""}; };
    std::string const host = text(connection.hostname());
    return "database \"" + text(connection.dbname()) + "\" at " +
           (host.empty() ? "a local socket" : host) + ", port " + text(connection.port());
}

sql_transaction::sql_transaction(pqxx_session& session) : session_{session} {
    session_.execute("BEGIN");
}

sql_transaction::~sql_transaction() {
    if (is_open_) {
        try {
            session_.execute("ROLLBACK");
        } catch (sql_error const&) {
            // The connection is lost, so the server has rolled back.
        }
    }
}

void sql_transaction::commit() {
    is_open_ = false; // a COMMIT that fails has rolled back: no ROLLBACK after it
    session_.execute("COMMIT");
}

} // namespace tally::storage
