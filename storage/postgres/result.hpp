#pragma once

#include "ingest/base/assert.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tally::storage {

struct server_report;

/// What a failed request to PostgreSQL means for its caller.
enum class failure : std::uint8_t {
    none,
    transient, ///< try again, with backoff: connection lost, deadlock, serialization, restart,
               ///< read-only, disk full, too many connections
    permanent, ///< an operator has to act: rights, schema missing or of another version
    bad_data,  ///< a row of the request is refused (SQLSTATE classes 22 and 23)
    duplicate, ///< unique key of calls or events: some record is stored already
    stale,     ///< a row has another version than the batch was rated on
    lost,      ///< a batch that was committed before is not there: the database went back
    unknown,   ///< the answer to COMMIT was lost: ask whether the batch is stored
};

/// The result of a request. No allocation if it succeeded.
struct [[nodiscard]] result {
    failure reason = failure::none;
    std::string sqlstate; ///< five characters, or empty
    std::string detail;   ///< for the log: message, then detail, hint and context if there are any
    std::shared_ptr<server_report const> report = nullptr; ///< if the server sent one

    [[nodiscard]] bool ok() const noexcept { return reason == failure::none; }
};

/// The value that a request returns, or the failure because of which it has no value.
///
///     auto const found = find_due(connection, attempts, 100);
///     if (!found.ok()) {
///         return found.status();
///     }
///     retry(*found);
template <typename T>
class [[nodiscard]] expected {
  public:
    expected(T value) : value_{std::move(value)} {}
    /// The result of a request that failed.
    expected(result failed) : status_{std::move(failed)} {
        TALLY_ASSERT(!status_.ok(), "a request that succeeded has a value");
    }

    [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
    [[nodiscard]] result const& status() const noexcept { return status_; }

    // Only if ok().
    [[nodiscard]] T const& operator*() const& noexcept { return *operator->(); }
    [[nodiscard]] T&& operator*() && noexcept {
        check();
        return *std::move(value_);
    }
    [[nodiscard]] T const* operator->() const noexcept {
        check();
        return &*value_;
    }

  private:
    void check() const noexcept { TALLY_ASSERT(ok(), "a request that failed has no value"); }

    std::optional<T> value_;
    result status_;
};

} // namespace tally::storage
