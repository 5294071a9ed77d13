#pragma once

#include "storage/postgres/command_error.hpp"
#include "storage/postgres/result.hpp"
#include "storage/postgres/server_report.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace tally::storage {

/// A request to PostgreSQL that failed, where an operator waits for the outcome: the server refused
/// a statement or a login, there is no connection, or no row is in the state that the request
/// needs. what() is a sentence for the operator.
class database_error : public command_error {
  public:
    /// `purpose` is a verb phrase, such as "list the imports", or empty.
    explicit database_error(result failed, std::string_view purpose = {});

    /// Empty if no server reported the failure.
    [[nodiscard]] std::string const& sqlstate() const noexcept { return failed_.sqlstate; }
    [[nodiscard]] failure reason() const noexcept { return failed_.reason; }
    /// The same request may succeed later: a lock, a deadlock, a restart, no connection.
    [[nodiscard]] bool is_temporary() const noexcept;
    [[nodiscard]] bool is_connection_lost() const noexcept;
    /// The server refused it, and will refuse it again.
    [[nodiscard]] bool is_refusal() const noexcept;

    [[nodiscard]] std::string const& purpose() const noexcept { return purpose_; }
    /// The server's words; without a report from it, only the message is not empty.
    [[nodiscard]] server_report const& report() const noexcept { return *failed_.report; }

  private:
    result failed_;
    std::string purpose_;
};

/// Throws database_error unless the request succeeded.
void check(result const& outcome, std::string_view purpose = {});

/// The same; returns the value.
template <typename T>
T check(expected<T> outcome, std::string_view purpose = {}) {
    check(outcome.status(), purpose);
    return *std::move(outcome);
}

} // namespace tally::storage
