#pragma once

#include "storage/postgres/pq_rows.hpp"
#include "storage/postgres/result.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

struct pg_conn;
struct pg_cancel;

namespace tally::storage {

struct server_host;

/// The one place that opens connections to PostgreSQL; pq_connection (write path) and sql_session
/// (commands) are built on it. It tries the servers of a connection string, ends and cancels the
/// connection, and turns the outcome of a request into a `result`. It decides no settings of the
/// session beyond common_settings.
///
/// Used by one thread at a time, except cancel(). Nothing throws (except std::bad_alloc).
class pq_link {
  public:
    /// What every session needs, as statements.
    static char const* const common_settings;

    /// `connection_string` in libpq's form (keywords or URI). `purpose` is the application name in
    /// pg_stat_activity. `connect_timeout_ms` is for each server that the string names; the
    /// string's own connect_timeout precedes it.
    pq_link(std::string connection_string, std::string purpose, int connect_timeout_ms);
    ~pq_link();
    pq_link(pq_link const&) = delete;
    pq_link& operator=(pq_link const&) = delete;

    /// Connects to the first server that lets us in and for which `set_up` succeeds. transient: no
    /// server answers; permanent: it refuses us.
    result open(std::function<result()> const& set_up);
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] pg_conn* get() const noexcept { return connection_.get(); }
    /// How often it was opened.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

    /// The outcome of a request; takes ownership of `last`. `rows`, which may be null, gets the
    /// rows if it succeeded. Closes the connection if the server has ended it.
    result finish(pg_result* last, pq_rows* rows);
    /// The outcome of a request without an answer: closes the connection.
    result lost();

    /// Any thread: aborts a running request and refuses all further ones as transient.
    void cancel() noexcept;
    [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(); }

  private:
    struct connection_close {
        void operator()(pg_conn* c) const noexcept;
    };
    struct cancel_free {
        void operator()(pg_cancel* c) const noexcept;
    };

    result connect_to(server_host const& host, std::function<result()> const& set_up);
    result poll_until_connected();
    result failed(pg_result const* r);

    std::string connection_string_;
    std::string purpose_;
    int connect_timeout_ms_;
    std::unique_ptr<pg_conn, connection_close> connection_;
    std::uint64_t generation_ = 0;

    std::atomic<bool> cancelled_ = false;
    std::mutex cancel_guard_; ///< guards the two below: cancel() may run during a reconnect
    std::unique_ptr<pg_cancel, cancel_free> cancel_;
    int socket_ = -1; ///< valid while cancel_ is set
};

} // namespace tally::storage
