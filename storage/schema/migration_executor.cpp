#include "storage/schema/migration_executor.hpp"

#include "storage/schema/sql_script.hpp"

#include <thread>

namespace tally::storage {
namespace {

using clock = std::chrono::steady_clock;

// Lets the sessions pass that have waited behind the DDL statement.
constexpr std::chrono::milliseconds pause_between_tries{100};

std::chrono::milliseconds since(clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

constexpr std::string_view lock_not_available = "55P03";

bool is_worth_another_try(database_error const& error) {
    // A lock that was not free in time, a deadlock, a serialization failure: another try may meet
    // none.
    return error.sqlstate() == lock_not_available || error.sqlstate() == "40P01" ||
           error.sqlstate() == "40001";
}

command_error failure_of(migration const& file, migrate_exit on_failure,
                         database_error const& error, int tries) {
    bool const rolled_back = on_failure == migrate_exit::rolled_back;
    bool const busy = rolled_back && error.sqlstate() == lock_not_available;
    std::string const effect = rolled_back ? " failed and was rolled back"
                                           : " failed and is partly applied: correct the cause, "
                                             "then run the command again";
    return migrate_failure(busy ? migrate_exit::lock_busy : on_failure,
                           file.label() + effect +
                               (tries > 1 ? " (" + std::to_string(tries) + " tries)" : "") + ":\n" +
                               error.report().text);
}

} // namespace

void migration_executor::tell(migration_action action, migration const& file,
                              std::chrono::milliseconds took,
                              std::vector<catalog_change> changes) const {
    if (report_) {
        report_({action, file.label(), took, std::move(changes)});
    }
}

void migration_executor::limit_lock_waits(std::chrono::milliseconds time_max) {
    session_.query("SELECT set_config('lock_timeout', $1, false)",
                   {std::to_string(time_max.count())});
}

template <typename Function>
void migration_executor::with_retries(migration const& file, migrate_exit on_failure,
                                      Function&& attempt) {
    // A whole attempt is repeated: after an error its transaction can only be rolled back.
    for (int tries = 1;; ++tries) {
        try {
            return attempt();
        } catch (database_error const& error) {
            bool const again = is_worth_another_try(error);
            if (!again || tries >= options_.tries_max) {
                throw failure_of(file, on_failure, error, tries);
            }
        }
        std::this_thread::sleep_for(pause_between_tries);
    }
}

/// Executes a file within the transaction and detects a COMMIT inside it, which would leave the
/// rest of the file outside.
void migration_executor::execute_inside(migration const& file, std::string const& script) {
    // A transaction has one id, and the next one has another.
    auto const transaction = session_.query_value("SELECT pg_current_xact_id()");
    session_.execute(script);
    if (session_.query_value("SELECT pg_current_xact_id()") != transaction) {
        throw migrate_failure(migrate_exit::partly_applied,
                              file.label() + ": the file ends the transaction it runs in; what "
                                             "came before that is in the database");
    }
}

/// The catalog before a migration. Objects that schema public had before the first migration become
/// part of the first record; otherwise `verify` would report them as drift.
catalog_objects migration_executor::catalog_before() {
    catalog_objects objects = read_schema(session_);
    if (records_.load().empty()) {
        for (auto const& [key, definition] : read_schema(session_, {"public"})) {
            objects.erase(key);
        }
    }
    return objects;
}

void migration_executor::record(migration const& file, catalog_objects const& before,
                                clock::time_point start, std::vector<catalog_change>& changes) {
    // What the file has made of the catalog, read back, not what it says: `verify` compares with
    // that.
    changes = compare_catalogs(before, read_schema(session_));
    catalog_objects expected = records_.expected_catalog();
    apply_changes(expected, changes);
    records_.finish(file, changes, expected, since(start));
}

void migration_executor::apply_in_transaction(migration const& file) {
    // Migration and record commit together, so a kill leaves both or none.
    auto const start = clock::now();
    std::vector<catalog_change> changes;
    with_retries(file, migrate_exit::rolled_back, [&] {
        sql_transaction transaction{session_};
        catalog_objects const before = catalog_before();
        execute_inside(file, file.up.text);
        records_.insert(file, record_state::applied);
        record(file, before, start, changes);
        transaction.commit();
    });

    tell(migration_action::applied, file, since(start), std::move(changes));
}

/// Executes the statements of a file that forbids a transaction. They may wait longer for locks:
/// CREATE INDEX CONCURRENTLY waits for the end of every older transaction, and leaves an invalid
/// index if it times out.
void migration_executor::execute_one_by_one(migration const& file, std::string const& script) {
    limit_lock_waits(options_.table_lock_time_max * 30);
    with_retries(file, migrate_exit::partly_applied, [&] {
        // One by one: a script of several statements would run as one transaction.
        for (std::string const& statement : split_statements(script)) {
            session_.execute(statement);
        }
    });
    limit_lock_waits(options_.table_lock_time_max);
}

void migration_executor::apply_one_by_one(migration const& file, bool is_begun) {
    auto const start = clock::now();
    // If an earlier run began it, the catalog has a part of its changes: the state before it is the
    // one that the earlier migrations recorded.
    catalog_objects const before = is_begun ? records_.expected_catalog() : catalog_before();

    // Recorded first: if a statement fails, the state says that a part of the file is in the
    // database.
    records_.insert(file, record_state::running);
    execute_one_by_one(file, file.up.text);

    // The record of the changes, and that the file is complete.
    std::vector<catalog_change> changes;
    sql_transaction transaction{session_};
    record(file, before, start, changes);
    transaction.commit();
    tell(migration_action::applied, file, since(start), std::move(changes));
}

void migration_executor::apply(migration const& file, bool is_begun) {
    limit_lock_waits(options_.table_lock_time_max);
    if (file.up.in_transaction) {
        apply_in_transaction(file);
    } else {
        apply_one_by_one(file, is_begun);
    }
}

void migration_executor::revert(migration const& file) {
    limit_lock_waits(options_.table_lock_time_max);
    auto const start = clock::now();

    if (file.down.in_transaction) {
        with_retries(file, migrate_exit::rolled_back, [&] {
            sql_transaction transaction{session_};
            execute_inside(file, file.down.text);
            records_.remove(file.version);
            transaction.commit();
        });
    } else {
        // As for up: the state says that a part is gone.
        records_.set_state(file.version, record_state::reverting);
        execute_one_by_one(file, file.down.text);
        records_.remove(file.version);
    }

    tell(migration_action::reverted, file, since(start), {});
}

void migration_executor::try_out(migration const& file) {
    limit_lock_waits(options_.table_lock_time_max);
    // What cannot run in a transaction cannot be rolled back, so it is not tried.
    if (!file.up.in_transaction) {
        tell(migration_action::skipped, file, {}, {});
        return;
    }

    auto const start = clock::now();
    catalog_objects const before = read_schema(session_);
    try {
        execute_inside(file, file.up.text);
    } catch (database_error const& error) {
        throw failure_of(file, migrate_exit::rolled_back, error, 1);
    }
    auto changes = compare_catalogs(before, read_schema(session_));
    tell(migration_action::tried, file, since(start), std::move(changes));
}

} // namespace tally::storage
