#pragma once

#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/result.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;
struct pg_cancel;

namespace tally::storage {

struct pq_clear {
    void operator()(pg_result* r) const noexcept;
};
/// Rows of a request, in binary format unless said otherwise.
using pq_rows = std::unique_ptr<pg_result, pq_clear>;

// Fields of a row in binary format. The caller knows the column's type; NULL reads as the default.
int row_count(pq_rows const& rows) noexcept;
bool is_null(pq_rows const& rows, int row, int column) noexcept;
std::string_view bytes_at(pq_rows const& rows, int row, int column) noexcept;
bool bool_at(pq_rows const& rows, int row, int column) noexcept;
std::int32_t int32_at(pq_rows const& rows, int row, int column) noexcept;
std::int64_t int64_at(pq_rows const& rows, int row, int column, std::int64_t none = 0) noexcept;
ingest::time_us time_at(pq_rows const& rows, int row, int column, ingest::time_us none) noexcept;
ingest::uuid uuid_at(pq_rows const& rows, int row, int column) noexcept;
/// Rows that a statement without RETURNING touched.
std::int64_t affected(pq_rows const& rows) noexcept;

struct server_host;

/// A statement that is prepared on each new connection.
struct prepared_statement {
    char const* name;
    char const* sql;
};

/// One statement of a pipeline. What it points to must outlive the sending.
struct pipelined {
    char const* name;   ///< of a prepared statement
    parameters* values; ///< nullptr: none
};

/// What became of a pipeline: rows[i] belongs to statement i, as far as answers came.
struct pipeline_outcome {
    result what;              ///< of the first statement that failed
    std::size_t answered = 0; ///< statements that succeeded; the next one failed
    bool refused = false;     ///< the server said so; else the connection went
    std::vector<pq_rows> rows;
};

/// One libpq connection: opens on demand, sets its session up, says what failures mean. The write
/// path and the loaders are built on it. Requests return a `result` and never throw (but for
/// std::bad_alloc); after a lost connection the next request opens it again.
///
/// Used by one thread at a time, except cancel().
class pq_connection {
  public:
    struct limits {
        /// A batch takes below a second; two minutes outlast a checkpoint on a slow disk.
        int statement_timeout_ms = 120'000;
        /// Longer than any batch of another daemon holds a row.
        int lock_timeout_ms = 15'000;
        int connect_timeout_ms = 10'000; ///< of each server that the connection string names
        /// Write path: every statement is a nested loop over its arrays, in their order, which is
        /// the order in which rows are locked.
        bool locks_in_order = false;
    };

    /// `connection_string` as libpq takes it (keywords or URI). `purpose` is the application name
    /// that pg_stat_activity shows. `statements` must outlive the connection.
    pq_connection(std::string connection_string, std::string purpose,
                  std::span<prepared_statement const> statements, limits bounds);
    pq_connection(std::string connection_string, std::string purpose);
    ~pq_connection();
    pq_connection(pq_connection const&) = delete;
    pq_connection& operator=(pq_connection const&) = delete;

    /// Connects unless connected. transient: no server; permanent: it refuses us.
    result open();
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept;
    /// How often it was opened: tells a user of session state that it has to be set again.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

    /// One or more statements without parameters, in the server's simple protocol (text rows).
    result execute(std::string const& sql);
    result execute(std::string const& sql, pq_rows& rows);
    /// One statement with parameters, planned for these.
    result query(std::string const& sql, parameters& values, pq_rows& rows);
    /// One prepared statement.
    result run(char const* name, parameters& values, pq_rows& rows);
    /// Prepared statements in one round trip.
    void run_pipeline(std::span<pipelined const> statements, pipeline_outcome& out);

    /// COPY ... FROM STDIN: begin, any number of chunks, end. A failure ends the COPY.
    result begin_copy_in(std::string const& sql);
    result copy_chunk(std::string_view bytes);
    result end_copy_in();
    /// COPY ... TO STDOUT (FORMAT binary): calls `row(view of one chunk)` for each chunk the
    /// server sends, which is one row, header and trailer apart.
    template <typename Row>
    result copy_out(std::string const& sql, Row&& row) {
        result said = begin_copy_out(sql);
        std::string_view chunk;
        while (said.ok() && next_chunk(said, chunk)) {
            row(chunk);
        }
        return said;
    }

    /// Waits for a notification on a channel that was LISTENed to; false when none came in time.
    result wait_notified(int timeout_ms, bool& notified);

    /// While it lives, a lost connection is not opened again: what belongs into one transaction
    /// must not go on in another session, where every statement would commit by itself.
    class pin {
      public:
        explicit pin(pq_connection& on) noexcept : on_(on) { on_.pinned_ = true; }
        ~pin() { on_.pinned_ = false; }
        pin(pin const&) = delete;
        pin& operator=(pin const&) = delete;

      private:
        pq_connection& on_;
    };

    /// Any thread: cuts a running request short and refuses all further ones.
    void cancel() noexcept;
    [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(); }

  private:
    struct connection_close {
        void operator()(pg_conn* c) const noexcept;
    };
    struct cancel_free {
        void operator()(pg_cancel* c) const noexcept;
    };

    result connect();
    result connect_to(server_host const& host);
    result execute_now(std::string const& sql, pq_rows& rows);
    result poll_until_connected();
    result set_session_up();
    result prepare_all();
    result begin_copy_out(std::string const& sql);
    bool next_chunk(result& said, std::string_view& chunk);
    result finish(pg_result* last, pq_rows* rows);
    result failed(pg_result const* r);
    result lost();
    bool send_pipeline(std::span<pipelined const> statements);
    void collect_pipeline(std::size_t expected, pipeline_outcome& out);

    std::string connection_string_;
    std::string purpose_;
    std::span<prepared_statement const> statements_;
    limits bounds_;
    std::unique_ptr<pg_conn, connection_close> connection_;
    std::uint64_t generation_ = 0;
    bool pinned_ = false;                          ///< see pin
    std::unique_ptr<char, void (*)(void*)> chunk_; ///< of copy_out, libpq's memory

    std::atomic<bool> cancelled_ = false;
    std::mutex cancel_guard_; ///< guards the two below, which cancel() uses while others reconnect
    std::unique_ptr<pg_cancel, cancel_free> cancel_;
    int socket_ = -1; ///< while cancel_ is there
};

} // namespace tally::storage
