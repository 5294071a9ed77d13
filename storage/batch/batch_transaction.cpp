#include "storage/batch/batch_transaction.hpp"

#include "storage/batch/batch_opening.hpp"

#include <utility>

namespace tally::storage {

result batch_transaction::commit(batch const& rows, commit_counts& counts) {
    counts = {};
    result status = open(rows);
    if (!status.ok()) {
        return status;
    }

    // Each step is a wait for the server; the first that fails ends the transaction.
    status = begin(rows, counts);
    if (status.ok()) {
        status = write_facts(rows, counts);
    }
    if (status.ok()) {
        status = finish(rows, counts);
    }
    if (status.ok()) {
        transaction_.reset();
        return status;
    }

    counts.suspended = 0; // rolled back with the rest
    return fail(std::move(status));
}

/// Opens the session in which the batch was rated.
result batch_transaction::open(batch const& rows) {
    // Fails if the session of an open transaction was lost: the pin forbids a new one.
    result status = connection.open();
    if (!status.ok()) {
        transaction_.reset(); // the transaction ended with its session
        return status;
    }
    if (rows.session != 0 && rows.session != connection.generation()) {
        // A pin that stayed would forbid to connect again, for good, once this session is lost.
        if (transaction_) {
            roll_back();
        }
        return {failure::stale, {}, "the session in which the batch was rated has ended"};
    }
    return {};
}

result batch_transaction::begin(batch const& rows, commit_counts& counts) {
    statements_.clear();

    // lock_rows() or write_ahead() may have begun the transaction (S3, S15). The pin keeps a lost
    // connection closed: the rest of the batch would commit statement by statement in a new session
    // (S5).
    if (!transaction_) {
        transaction_.emplace(connection);
        statements_.push_back({statement::begin, nullptr});
    }

    // Before any change: is_committed() waits for this lock, so it must cover all of them (S4).
    values_.clear();
    statements_.push_back({statement::claim, &values_.add_int64(claim_of(rows.id))});

    // Before any change: the transaction of a server that went back must not be continued (R5).
    required_.clear();
    for (auto const& id : rows.required) {
        statements_.push_back({statement::is_committed, &required_.emplace_back().add(id)});
    }

    // The order of these statements is the order of locks (S1, R13).
    if (auto& existing = usage_.fill(rows.usage); usage_.size() > 0) {
        statements_.push_back({statement::usage, &existing});
    }
    auto& created = new_usage_.fill(rows.usage);
    bool const creates_rows = new_usage_.size() > 0 || !rows.metrics.empty();
    if (creates_rows) {
        statements_.push_back({statement::keep_plans, nullptr});
    }
    if (new_usage_.size() > 0) {
        statements_.push_back({statement::new_usage, &created});
    }
    if (!rows.metrics.empty()) {
        statements_.push_back({statement::metrics, &metrics_.fill(rows.metrics)});
    }
    if (creates_rows) {
        statements_.push_back({statement::renew_plans, nullptr});
    }
    if (!rows.events.empty()) {
        statements_.push_back({statement::identities, &identities_.fill(rows)});
    }
    if (!rows.unique_values.empty()) {
        statements_.push_back({statement::unique_values, &unique_values_.fill(rows.unique_values)});
    }
    suspense_.add(rows, statements_);
    if (!rows.resolved.empty()) {
        statements_.push_back({statement::resolve, &resolved_.fill(rows.resolved)});
    }
    connection.run_pipeline(statements_, outcome_);
    return outcome_.status.ok() ? check_opening(statements_, outcome_, rows, counts)
                                : outcome_.status;
}

result batch_transaction::write_facts(batch const& rows, commit_counts& counts) {
    result status;
    if (!rows.calls.empty()) {
        status = calls_.write(connection, rows, counts.refused_call);
    }
    return status.ok() && !rows.events.empty()
               ? facts_.write(connection, rows, counts.refused_event)
               : status;
}

result batch_transaction::finish(batch const& rows, commit_counts const& counts) {
    statements_.clear();
    if (!rows.events.empty()) {
        counters_.add(rows, statements_);
    }

    // Rows that many sessions change are locked last, for the shortest time (S2).
    if (!rows.balances.empty()) {
        statements_.push_back({statement::balances, &balances_.fill(rows.balances)});
    }
    if (!rows.daily.empty()) {
        statements_.push_back({statement::daily, &daily_.fill(rows.daily)});
    }

    // Every batch has its row, also one that found only duplicates: the row proves that what the
    // batch saw is in this database (S14).
    fill_batch_row(values_, rows, counts.suspended);
    statements_.push_back({statement::batch_row, &values_});
    statements_.push_back({statement::commit, nullptr});
    connection.run_pipeline(statements_, outcome_);

    // An error of a statement before COMMIT rolls the batch back for certain. If the connection is
    // lost, or the server ends the session instead of answering COMMIT, the outcome is open (R9).
    bool const before_commit = outcome_.refused && outcome_.answered + 1 < statements_.size();
    if (!outcome_.status.ok() && !before_commit && !connection.is_open()) {
        outcome_.status.reason = failure::unknown;
    }
    return outcome_.status;
}

/// Rolls back after a failed request. Returns its result.
result batch_transaction::fail(result status) noexcept {
    roll_back();

    // A partition that was remembered may have been dropped.
    if (status.reason == failure::bad_data) {
        partitions.forget();
        partitions_of_events.forget();
    }
    return status;
}

void batch_transaction::roll_back() noexcept {
    if (connection.is_open() && !connection.execute("ROLLBACK").ok()) {
        connection.close(); // the server rolls back when the session ends
    }
    transaction_.reset();
}

result batch_transaction::lock_rows(std::span<usage_delta const> usage,
                                    std::span<metric_row const> metrics) {
    if (usage.empty() && metrics.empty()) {
        return {};
    }
    // Before the pin, which forbids to open.
    result const status = connection.open();
    if (!status.ok()) {
        return status;
    }

    // Usage before metrics, as in begin(): one order of locks (R13).
    transaction_.emplace(connection);
    statements_.assign(1, {statement::begin, nullptr});
    if (!usage.empty()) {
        locks_of_usage_.fill(usage);
        statements_.push_back({statement::lock_usage, &locks_of_usage_.keys()});
    }
    statements_.push_back({statement::keep_plans, nullptr});
    if (!usage.empty()) {
        statements_.push_back({statement::create_usage, &locks_of_usage_.rows()});
    }
    if (!metrics.empty()) {
        statements_.push_back({statement::lock_metrics, &locks_of_metrics_.fill(metrics)});
    }
    statements_.push_back({statement::renew_plans, nullptr});

    connection.run_pipeline(statements_, outcome_);
    if (outcome_.status.ok() && !usage.empty()) {
        outcome_.status = check_locks(statements_, outcome_, usage.size());
    }
    if (!outcome_.status.ok()) {
        roll_back();
    }
    return outcome_.status;
}

result batch_transaction::write_ahead(batch const& rows) {
    result status = open(rows);
    if (!status.ok()) {
        return status;
    }

    // As in begin(): the claim covers all changes (S4).
    if (!transaction_) {
        transaction_.emplace(connection);
        values_.clear();
        statements_.assign(1, {statement::begin, nullptr});
        statements_.push_back({statement::claim, &values_.add_int64(claim_of(rows.id))});
        connection.run_pipeline(statements_, outcome_);
        status = outcome_.status;
    }
    std::uint32_t refused = cdr_copy::no_row;
    if (status.ok()) {
        status = calls_.write(connection, rows, refused);
    }
    return status.ok() ? status : fail(std::move(status));
}

} // namespace tally::storage
