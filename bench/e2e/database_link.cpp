#include "bench/e2e/database_link.hpp"

#include <algorithm>
#include <stdexcept>

namespace tally::bench {
namespace {

/// The size of a piece: libpq passes it to the kernel without growing its own buffer much.
constexpr std::size_t copy_piece_bytes = 256 * 1024;

bool is_fine(PGresult const* answer) {
    auto const status = PQresultStatus(answer);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

} // namespace

database_link::database_link(std::string const& connection_string)
    : connection_{PQconnectdb(connection_string.c_str()), &PQfinish} {
    if (PQstatus(get()) != CONNECTION_OK) {
        throw failed("cannot connect");
    }
    PQsetNoticeProcessor(
        get(), [](void*, char const*) {}, nullptr);
}

std::runtime_error database_link::failed(std::string const& action) const {
    return std::runtime_error{action + ": " + PQerrorMessage(get())};
}

void database_link::execute(std::string const& statement) {
    pg_answer const answer{PQexec(get(), statement.c_str()), &PQclear};
    if (!is_fine(answer.get())) {
        throw failed(statement);
    }
}

std::vector<std::string> database_link::row(std::string const& query) {
    pg_answer const answer{PQexec(get(), query.c_str()), &PQclear};
    if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK || PQntuples(answer.get()) == 0) {
        throw failed(query);
    }
    std::vector<std::string> values;
    for (int column = 0; column < PQnfields(answer.get()); ++column) {
        values.emplace_back(PQgetvalue(answer.get(), 0, column));
    }
    return values;
}

void database_link::copy_in(std::string const& statement, std::string_view data) {
    pg_answer const begun{PQexec(get(), statement.c_str()), &PQclear};
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) {
        throw failed(statement);
    }

    while (!data.empty()) {
        std::size_t const bytes = std::min(data.size(), copy_piece_bytes);
        if (PQputCopyData(get(), data.data(), static_cast<int>(bytes)) != 1) {
            throw failed(statement);
        }
        data.remove_prefix(bytes);
    }

    // libpq needs every result to be read before the connection can be used again.
    bool const is_sent = PQputCopyEnd(get(), nullptr) == 1;
    bool is_stored = is_sent;
    while (PGresult* const answer = PQgetResult(get())) {
        is_stored = is_fine(answer) && is_stored;
        PQclear(answer);
    }
    if (!is_stored) {
        throw failed(statement);
    }
}

void database_link::run(std::vector<sql_step> const& steps) {
    for (auto const& step : steps) {
        if (step.rows.empty()) {
            execute(step.statement);
        } else {
            copy_in(step.statement, step.rows);
        }
    }
}

} // namespace tally::bench
