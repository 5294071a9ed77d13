#include "storage/postgres/database_error.hpp"

#include <utility>

namespace tally::storage {

namespace {

// No SQLSTATE: the server has said nothing, so libpq could not reach it.
bool is_without_connection(result const& failed) noexcept {
    return failed.reason == failure::transient && failed.sqlstate.empty();
}

std::string sentence(result const& failed, std::string_view purpose) {
    if (failed.sqlstate.empty() && !is_without_connection(failed)) {
        return failed.detail; // refused by tallyd itself: no such row, or a row in another state
    }

    std::string text =
        failed.sqlstate.empty() ? "no connection to the database" : "the database refuses";
    if (!purpose.empty()) {
        text.append(" to ").append(purpose);
    }
    return text + ": " + failed.detail;
}

} // namespace

database_error::database_error(result failed, std::string_view purpose)
    : command_error{sentence(failed, purpose)}, failed_{std::move(failed)}, purpose_{purpose} {
    // A failure of tallyd itself has no report of the server; callers need not tell the two apart.
    if (failed_.report == nullptr) {
        failed_.report = std::make_shared<server_report const>(
            server_report{failed_.detail, {}, {}, failed_.detail});
    }
}

bool database_error::is_temporary() const noexcept {
    return failed_.reason == failure::transient;
}

bool database_error::is_connection_lost() const noexcept {
    return is_without_connection(failed_);
}

bool database_error::is_refusal() const noexcept {
    return !is_temporary();
}

void check(result const& outcome, std::string_view purpose) {
    if (!outcome.ok()) {
        throw database_error{outcome, purpose};
    }
}

} // namespace tally::storage
