#include "storage/batch/batch_writer.hpp"

#include "ingest/base/time.hpp"
#include "storage/batch/batch_opening.hpp"
#include "storage/batch/batch_statements.hpp"
#include "storage/batch/cdr_copy.hpp"
#include "storage/batch/event_copy.hpp"
#include "storage/batch/event_partitions.hpp"
#include "storage/batch/event_statements.hpp"
#include "storage/batch/stored_calls.hpp"
#include "storage/batch/stored_events.hpp"
#include "storage/partitions/partitions.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>

namespace tally::storage {

/// One transaction. Each line is one wait for the server, the second once per table that has rows:
///
///     pipeline  BEGIN, claim, usage, metrics, identities of events, values, suspense, resolve
///                                                    -> all new? all versions as expected?
///                                                       do all retried records still wait?
///     COPY      the calls, then the facts of each kind of event, sorted by key; the events that
///               have effects, in order of arrival
///     pipeline  counters, balances, daily, batch row, COMMIT
///
/// Usage comes first: a stale batch is found before a row is copied, and the foreign keys of the
/// usage rows cover the accounts and subscriptions of the calls. Balances come late: other sessions
/// wait for these rows. The S numbers are rules of storage/README.md, the R numbers those of
/// docs/ARCHITECTURE.md.
///
/// After `stale` the transaction begins earlier: lock_rows() locks and reads the usage and metric
/// rows before the batch is rated, in the order in which the opening changes them.
struct batch_writer::impl {
    impl(std::string connection_string, std::string purpose, partition_policy policy)
        : connection(std::move(connection_string), std::move(purpose), batch_statements(),
                     write_path_limits()),
          partitions(policy), partitions_of_events(policy) {}

    static pq_connection::limits write_path_limits() {
        pq_connection::limits bounds;
        bounds.locks_in_order = true;
        return bounds;
    }

    result begin(batch const& rows, commit_counts& counts);
    result write_facts(batch const& rows, commit_counts& counts);
    result finish(batch const& rows, commit_counts const& counts);
    void roll_back() noexcept;
    void forget_other_partitions() noexcept;

    pq_connection connection;
    std::optional<pq_connection::pin> transaction; ///< while one is open
    cdr_partitions partitions;
    event_partitions partitions_of_events;
    std::uint64_t partitions_session = 0; ///< in which the partitions were there
    cdr_copy calls;
    event_copy facts;
    identity_rows identities;
    metric_rows metrics;
    metric_locks locks_of_metrics;
    unique_value_rows unique_values;
    event_counters counters;
    suspense_statements suspense;
    usage_rows usage{usage_rows::part::existing};
    usage_rows new_usage{usage_rows::part::missing};
    usage_locks locks_of_usage;
    balance_rows balances;
    daily_rows daily;
    resolved_rows resolved;
    usage_keys keys;
    parameters values;
    std::deque<parameters> required; ///< one per statement
    std::vector<pipelined> statements;
    pipeline_outcome outcome;
};

result batch_writer::impl::begin(batch const& rows, commit_counts& counts) {
    statements.clear();

    // lock_rows() may have begun the transaction (S3). The pin keeps a lost connection closed: the
    // rest of the batch would commit statement by statement in a new session (S5).
    if (!transaction) {
        transaction.emplace(connection);
        statements.push_back({statement::begin, nullptr});
    }

    // Before any change: is_committed() waits for this lock, so it must cover all of them (S4).
    values.clear();
    statements.push_back({statement::claim, &values.add_int64(claim_of(rows.id))});

    // Before any change: the transaction of a server that went back must not be continued (R5).
    required.clear();
    for (auto const& id : rows.required) {
        statements.push_back({statement::is_committed, &required.emplace_back().add(id)});
    }

    // The order of these statements is the order of locks (S1, R13).
    if (auto& some = usage.fill(rows.usage); usage.size() > 0) {
        statements.push_back({statement::usage, &some});
    }
    auto& created = new_usage.fill(rows.usage);
    bool const creates_rows = new_usage.size() > 0 || !rows.metrics.empty();
    if (creates_rows) {
        statements.push_back({statement::keep_plans, nullptr});
    }
    if (new_usage.size() > 0) {
        statements.push_back({statement::new_usage, &created});
    }
    if (!rows.metrics.empty()) {
        statements.push_back({statement::metrics, &metrics.fill(rows.metrics)});
    }
    if (creates_rows) {
        statements.push_back({statement::renew_plans, nullptr});
    }
    if (!rows.events.empty()) {
        statements.push_back({statement::identities, &identities.fill(rows)});
    }
    if (!rows.unique_values.empty()) {
        statements.push_back({statement::unique_values, &unique_values.fill(rows.unique_values)});
    }
    suspense.add(rows, statements);
    if (!rows.resolved.empty()) {
        statements.push_back({statement::resolve, &resolved.fill(rows.resolved)});
    }
    connection.run_pipeline(statements, outcome);
    return outcome.status.ok() ? check_opening(statements, outcome, rows, counts) : outcome.status;
}

result batch_writer::impl::write_facts(batch const& rows, commit_counts& counts) {
    result status;
    if (!rows.calls.empty()) {
        status = calls.write(connection, rows, counts.refused_call);
    }
    return status.ok() && !rows.events.empty() ? facts.write(connection, rows, counts.refused_event)
                                               : status;
}

result batch_writer::impl::finish(batch const& rows, commit_counts const& counts) {
    statements.clear();
    if (!rows.events.empty()) {
        counters.add(rows, statements);
    }

    // Rows that many sessions change are locked last, for the shortest time (S2).
    if (!rows.balances.empty()) {
        statements.push_back({statement::balances, &balances.fill(rows.balances)});
    }
    if (!rows.daily.empty()) {
        statements.push_back({statement::daily, &daily.fill(rows.daily)});
    }

    // Every batch has its row, also one that found only duplicates: the row proves that what the
    // batch saw is in this database (S14).
    fill_batch_row(values, rows, counts.suspended);
    statements.push_back({statement::batch_row, &values});
    statements.push_back({statement::commit, nullptr});
    connection.run_pipeline(statements, outcome);

    // An error of a statement before COMMIT rolls the batch back for certain. If the connection is
    // lost, or the server ends the session instead of answering COMMIT, the outcome is open (R9).
    bool const before_commit = outcome.refused && outcome.answered + 1 < statements.size();
    if (!outcome.status.ok() && !before_commit && !connection.is_open()) {
        outcome.status.reason = failure::unknown;
    }
    return outcome.status;
}

void batch_writer::impl::roll_back() noexcept {
    if (connection.is_open() && !connection.execute("ROLLBACK").ok()) {
        connection.close(); // the server rolls back when the session ends
    }
    transaction.reset();
}

batch_writer::batch_writer(std::string connection_string, std::string purpose,
                           partition_policy policy)
    : impl_(std::make_unique<impl>(std::move(connection_string), std::move(purpose), policy)) {}

batch_writer::~batch_writer() = default;

std::uint64_t batch_writer::session() const noexcept {
    return impl_->connection.generation();
}

result batch_writer::lock_rows(std::span<usage_delta const> usage,
                               std::span<metric_row const> metrics) {
    auto& statements = impl_->statements;
    auto& outcome = impl_->outcome;
    if (usage.empty() && metrics.empty()) {
        return {};
    }
    // Before the pin, which forbids to open.
    result const status = impl_->connection.open();
    if (!status.ok()) {
        return status;
    }

    // Usage before metrics, as in begin(): one order of locks (R13).
    impl_->transaction.emplace(impl_->connection);
    statements.assign(1, {statement::begin, nullptr});
    if (!usage.empty()) {
        impl_->locks_of_usage.fill(usage);
        statements.push_back({statement::lock_usage, &impl_->locks_of_usage.keys()});
    }
    statements.push_back({statement::keep_plans, nullptr});
    if (!usage.empty()) {
        statements.push_back({statement::create_usage, &impl_->locks_of_usage.rows()});
    }
    if (!metrics.empty()) {
        statements.push_back({statement::lock_metrics, &impl_->locks_of_metrics.fill(metrics)});
    }
    statements.push_back({statement::renew_plans, nullptr});

    impl_->connection.run_pipeline(statements, outcome);
    if (outcome.status.ok() && !usage.empty()) {
        outcome.status = check_locks(statements, outcome, usage.size());
    }
    if (!outcome.status.ok()) {
        impl_->roll_back();
    }
    return outcome.status;
}

void batch_writer::roll_back() noexcept {
    impl_->roll_back();
}

result batch_writer::commit(batch const& rows, commit_counts& counts) {
    counts = {};

    // Fails if the session of lock_rows() was lost: the pin forbids a new one.
    result status = impl_->connection.open();
    if (!status.ok()) {
        impl_->transaction.reset(); // the transaction ended with its session
        return status;
    }
    if (rows.session != 0 && rows.session != session()) {
        // A pin that stayed would forbid to connect again, for good, once this session is lost.
        if (impl_->transaction) {
            impl_->roll_back();
        }
        return {failure::stale, {}, "the session in which the batch was rated has ended"};
    }
    status = impl_->begin(rows, counts);
    if (status.ok()) {
        status = impl_->write_facts(rows, counts);
    }
    if (status.ok()) {
        status = impl_->finish(rows, counts);
    }
    if (status.ok()) {
        impl_->transaction.reset();
        return status;
    }
    impl_->roll_back();
    if (status.reason ==
        failure::bad_data) { // a partition that was remembered may have been dropped
        impl_->partitions.forget();
        impl_->partitions_of_events.forget();
    }
    counts.suspended = 0;
    return status;
}

result batch_writer::load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out) {
    out.assign(keys.size(), {});
    if (keys.empty()) {
        return {};
    }
    pq_rows rows;
    result status = impl_->connection.run(statement::load_usage, impl_->keys.fill(keys), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        auto const index = static_cast<std::size_t>(int64_at(rows, i, 0)) - 1;
        if (index < out.size()) {
            out[index] = {int64_at(rows, i, 1), int64_at(rows, i, 2)};
        }
    }
    return status;
}

result batch_writer::stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out) {
    return find_stored_calls(impl_->connection, keys, out);
}

result batch_writer::load_metrics(std::span<metric_row const> keys,
                                  std::vector<metric_state>& out) {
    return find_metrics(impl_->connection, keys, out);
}

result batch_writer::counted_values(std::span<unique_value_row const> values,
                                    std::vector<unique_value_row>& out) {
    return find_counted_values(impl_->connection, values, out);
}

result batch_writer::stored_events(std::span<ingest::uuid const> ids,
                                   std::vector<stored_event>& out) {
    return find_stored_events(impl_->connection, ids, out);
}

result batch_writer::still_waiting(std::span<ingest::uuid const> ids,
                                   std::vector<ingest::uuid>& out) {
    out.clear();
    pq_rows rows;
    result status =
        impl_->connection.run(statement::still_waiting, impl_->resolved.fill(ids), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        out.push_back(uuid_at(rows, i, 0));
    }
    return status;
}

result batch_writer::is_committed(ingest::uuid const& batch_id, bool& out) {
    out = false;
    auto& connection = impl_->connection;

    // The claim waits for the batch's own transaction, which may still commit although its client
    // is gone. At READ COMMITTED each statement has its own snapshot, so the query that follows the
    // claim sees the row of a transaction that has committed in the meantime.
    auto& values = impl_->values;
    values.clear();
    parameters id;
    id.add(batch_id);
    std::array const asked{pipelined{statement::begin, nullptr},
                           pipelined{statement::claim, &values.add_int64(claim_of(batch_id))},
                           pipelined{statement::is_committed, &id},
                           pipelined{statement::commit, nullptr}};
    connection.run_pipeline(asked, impl_->outcome);
    if (!impl_->outcome.status.ok()) {
        impl_->roll_back();
        return impl_->outcome.status;
    }
    out = row_count(impl_->outcome.rows[2]) > 0;
    return {};
}

/// The server of a new session may be a promoted standby, which lacks the latest partitions.
void batch_writer::impl::forget_other_partitions() noexcept {
    // The first request of all opens the first session, in which everything is then learned.
    auto const session = std::max<std::uint64_t>(connection.generation(), 1);
    if (session != partitions_session) {
        partitions.forget();
        partitions_of_events.forget();
        partitions_session = session;
    }
}

result batch_writer::ensure_cdr_days(std::span<std::int32_t const> days,
                                     std::vector<std::int32_t>& refused) {
    impl_->forget_other_partitions();
    return impl_->partitions.ensure(impl_->connection, days, day_of(ingest::now_us()), refused);
}

result batch_writer::ensure_event_days(std::span<event_day const> days,
                                       std::vector<event_day>& refused) {
    impl_->forget_other_partitions();
    return impl_->partitions_of_events.ensure(impl_->connection, days, day_of(ingest::now_us()),
                                              refused);
}

void batch_writer::cancel() noexcept {
    impl_->connection.cancel();
}

} // namespace tally::storage
