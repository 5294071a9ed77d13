#include "storage/plans/transaction.hpp"

#include "storage/postgres/database_error.hpp"

namespace tally::storage {

plan_transaction::plan_transaction(pq_connection& connection, char const* begin)
    : connection_(connection) {
    // `begin` is a script. If a later statement of it fails, the transaction is open and must be
    // ended.
    if (auto const status = connection_.execute(begin); !status.ok()) {
        if (connection_.is_open()) {
            static_cast<void>(connection_.execute("ROLLBACK"));
        }
        if (status.sqlstate == "55P03") {
            throw command_error{"another apply of plans is at work; try again later"};
        }
        check(status);
    }

    // Pinned once it is open: the rest must not go on in another session (S5).
    pin_.emplace(connection_);
}

plan_transaction::~plan_transaction() {
    if (is_open_ && connection_.is_open()) {
        static_cast<void>(
            connection_.execute("ROLLBACK")); // if it fails, the session is lost anyway
    }
}

pq_rows plan_transaction::query(std::string const& sql, parameters& values) {
    pq_rows rows;
    check(connection_.query(sql, values, rows));
    return rows;
}

pq_rows plan_transaction::query(std::string const& sql) {
    parameters none;
    return query(sql, none);
}

void plan_transaction::commit() {
    // Also if it fails: a COMMIT that is refused has rolled back.
    is_open_ = false;
    check(connection_.execute("COMMIT"));
}

} // namespace tally::storage
