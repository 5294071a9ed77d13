#pragma once

#include "storage/postgres/copy_encoder.hpp"
#include "storage/postgres/pq_link.hpp"
#include "storage/postgres/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// A statement that is prepared on each new connection.
struct prepared_statement {
    char const* name;
    char const* sql;
};

/// One statement of a pipeline. What it points to must live until run_pipeline() returns.
struct pipelined {
    char const* name;   ///< of a prepared statement
    parameters* values; ///< nullptr: no parameters
};

/// The outcome of a pipeline.
struct pipeline_outcome {
    result status;             ///< of the first statement that failed; ok if none did
    std::size_t answered = 0;  ///< statements that succeeded; if any failed, the next one did
    bool refused = false;      ///< after a failure: the server reported it; false: no connection
    std::vector<pq_rows> rows; ///< rows[i] belongs to statement i, up to the one that failed
};

/// The connection of the write path and of the loaders: it opens on demand, sets up its session and
/// prepares its statements.
///
///     pq_connection db{connection_string, "tallyd lane 0"};
///     parameters values;
///     values.add_text("cdrs").add_int64(7);
///     pq_rows rows;
///     result status = db.query("SELECT $1::text, $2::bigint", values, rows);
///     if (status.ok()) {
///         auto const number = int64_at(rows, 0, 1); // 7
///     }
///
/// Requests return a `result` and never throw (except std::bad_alloc). After a lost connection the
/// next request connects again, unless a pin forbids it.
///
/// Used by one thread at a time, except cancel().
class pq_connection {
  public:
    struct limits {
        /// A batch takes less than a second; two minutes outlast a checkpoint on a slow disk.
        int statement_timeout_ms = 120'000;
        /// Longer than any batch of another daemon holds a row.
        int lock_timeout_ms = 15'000;
        int connect_timeout_ms = 10'000; ///< for each server that the connection string names
        /// Write path: the planner may use only nested loops over a statement's arrays, so that
        /// rows are locked in the order of the arrays (docs/ARCHITECTURE.md, R13).
        bool locks_in_order = false;
    };

    /// `connection_string` in libpq's form (keywords or URI). `purpose` is the application name in
    /// pg_stat_activity. `statements` are prepared in each new session and must outlive this
    /// object.
    pq_connection(std::string connection_string, std::string purpose,
                  std::span<prepared_statement const> statements, limits bounds);
    pq_connection(std::string connection_string, std::string purpose);
    pq_connection(pq_connection const&) = delete;
    pq_connection& operator=(pq_connection const&) = delete;

    /// Connects if it is not connected. transient: no server answers; permanent: it refuses us.
    result open();
    void close() noexcept { link_.close(); }
    [[nodiscard]] bool is_open() const noexcept { return link_.is_open(); }
    /// How often it was opened. Another number than before means a new session, in which session
    /// state (LISTEN, locks) must be set again.
    [[nodiscard]] std::uint64_t generation() const noexcept { return link_.generation(); }

    /// One or more statements without parameters, in the server's simple protocol (text rows).
    result execute(std::string const& sql);
    result execute(std::string const& sql, pq_rows& rows);
    /// One statement with parameters; planned for these values.
    result query(std::string const& sql, parameters& values, pq_rows& rows);
    /// One prepared statement.
    result run(char const* name, parameters& values, pq_rows& rows);
    /// Several prepared statements in one round trip. After the first that fails the server skips
    /// the rest.
    void run_pipeline(std::span<pipelined const> statements, pipeline_outcome& out);

    /// COPY ... FROM STDIN: begin, any number of chunks, end. A failure ends the COPY.
    /// stream_rows() (copy_stream.hpp) does all three.
    result begin_copy_in(std::string const& sql);
    result copy_chunk(std::string_view bytes);
    result end_copy_in();
    /// COPY ... TO STDOUT (FORMAT binary): calls `row(chunk)` for each chunk that the server sends.
    /// A chunk is one row (the first with the header before it) or the trailer; copy_fields takes
    /// it apart. The view is valid during the call.
    template <typename Row>
    result copy_out(std::string const& sql, Row&& row) {
        result outcome = begin_copy_out(sql);
        std::string_view chunk;
        while (outcome.ok() && next_chunk(outcome, chunk)) {
            row(chunk);
        }
        return outcome;
    }

    /// Waits for a notification on a channel of LISTEN; false: none came in time. Does not
    /// connect: transient if the connection is closed.
    expected<bool> wait_notified(int timeout_ms);

    /// While a pin lives, a lost connection is not reopened and requests fail as transient: the
    /// rest of a transaction must not continue in a new session, where every statement commits by
    /// itself (docs/ARCHITECTURE.md, R9).
    class pin {
      public:
        explicit pin(pq_connection& link) noexcept : connection_(link) {
            connection_.pinned_ = true;
        }
        ~pin() { connection_.pinned_ = false; }
        pin(pin const&) = delete;
        pin& operator=(pin const&) = delete;

      private:
        pq_connection& connection_;
    };

    /// Any thread: aborts a running request and refuses all further ones as transient.
    void cancel() noexcept { link_.cancel(); }
    [[nodiscard]] bool is_cancelled() const noexcept { return link_.is_cancelled(); }

  private:
    result execute_now(std::string const& sql, pq_rows& rows);
    result set_session_up();
    result prepare_all();
    result begin_copy_out(std::string const& sql);
    bool next_chunk(result& outcome, std::string_view& chunk);
    result finish(pg_result* last, pq_rows* rows);
    bool send_pipeline(std::span<pipelined const> statements);
    void collect_pipeline(std::size_t expected, pipeline_outcome& out);

    pq_link link_;
    std::span<prepared_statement const> statements_;
    limits bounds_;
    bool pinned_ = false;                          ///< see pin
    std::unique_ptr<char, void (*)(void*)> chunk_; ///< of copy_out, libpq's memory
};

} // namespace tally::storage
