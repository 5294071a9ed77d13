#include "storage/migrations.hpp"

#include "storage/embedded_binaries.hpp"
#include "storage/migration_lock.hpp"
#include "storage/migration_records.hpp"
#include "storage/pqxx_session.hpp"
#include "storage/sql_script.hpp"

#include <algorithm>
#include <thread>

namespace tally::storage {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_between_tries{100};

std::chrono::milliseconds since(clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

constexpr std::string_view lock_not_available = "55P03";

bool is_worth_another_try(sql_error const& error) {
    return error.sqlstate() == lock_not_available || error.sqlstate() == "40P01" ||
           error.sqlstate() == "40001";
}

std::string connect_problem(sql_error const& error) {
    return std::string{"cannot use the database: "} + error.what();
}

} // namespace

migrate_exit verification::code() const {
    bool const begun = has_state(statuses, migration_state::running) ||
                       has_state(statuses, migration_state::reverting);
    if (!refusals(statuses).empty() || !drift.empty()) {
        return migrate_exit::changed;
    }
    return begun ? migrate_exit::partly_applied : migrate_exit::done;
}

struct migration_runner::impl {
    std::string connection_string;
    std::vector<migration> files;
    migrate_options options;
    observer report;
    pqxx_session session;
    migration_records records{session};
    std::optional<migration_lock> lock;

    impl(std::string given, std::vector<migration> migrations, migrate_options chosen,
         observer told)
        : connection_string{std::move(given)}, files{std::move(migrations)}, options{chosen},
          report{std::move(told)}, session{connection_string, "tallyd migrate"} {
        if (session.server_version() / 10000 < postgres_major_min) {
            throw migration_error{
                migrate_exit::failed,
                "the server is PostgreSQL " + std::to_string(session.server_version() / 10000) +
                    "; tallyd needs " + std::to_string(postgres_major_min) + " or newer"};
        }
        session.execute("SET search_path = public; SET statement_timeout = 0; "
                        "SET idle_in_transaction_session_timeout = 0");
    }

    void tell(migration_action action, migration const& which, std::chrono::milliseconds took,
              std::vector<catalog_change> changes) const {
        if (report) {
            report({action, which.label(), took, std::move(changes)});
        }
    }

    // -- before anything is changed --

    void take_lock() {
        if (lock) {
            lock->check();
            return;
        }
        try {
            lock.emplace(connection_string, options.lock_wait_max);
        } catch (lock_busy const& busy) {
            throw migration_error{migrate_exit::lock_busy, busy.what()};
        }
    }

    /// Takes the lock, then looks: what another session did while we waited counts.
    std::vector<migration_status> prepare() {
        take_lock();
        auto statuses = compare_migrations(files, records.load());
        if (std::string const problems = refusals(statuses); !problems.empty()) {
            throw migration_error{migrate_exit::changed, problems};
        }
        return statuses;
    }

    migration const& file_of(int version) const {
        auto const found = std::ranges::find(files, version, &migration::version);
        if (found == files.end()) {
            throw migration_error{migrate_exit::failed,
                                  "there is no migration " + std::to_string(version)};
        }
        return *found;
    }

    void check_target(std::optional<int> to) const {
        if (to && *to != 0) {
            (void)file_of(*to);
        }
    }

    // -- one migration --

    void limit_lock_waits(std::chrono::milliseconds time_max) {
        session.query("SELECT set_config('lock_timeout', $1, false)",
                      {std::to_string(time_max.count())});
    }

    template <typename Function>
    void with_retries(migration const& which, migrate_exit on_failure, Function&& attempt) {
        for (int tries = 1;; ++tries) {
            try {
                return attempt();
            } catch (sql_error const& error) {
                bool const again = is_worth_another_try(error);
                if (!again || tries >= options.tries_max) {
                    throw failure_of(which, on_failure, error, tries);
                }
            }
            std::this_thread::sleep_for(pause_between_tries);
        }
    }

    static migration_error failure_of(migration const& which, migrate_exit on_failure,
                                      sql_error const& error, int tries) {
        bool const rolled_back = on_failure == migrate_exit::rolled_back;
        bool const busy = rolled_back && error.sqlstate() == lock_not_available;
        std::string const effect = rolled_back
                                       ? " failed and was rolled back"
                                       : " failed and is partly applied: mend what is wrong, "
                                         "then run the command again";
        return {busy ? migrate_exit::lock_busy : on_failure,
                which.label() + effect +
                    (tries > 1 ? " (" + std::to_string(tries) + " tries)" : "") + ":\n" +
                    error.what()};
    }

    /// A COMMIT inside a file would take what follows out of the transaction, unseen.
    void execute_inside(sql_transaction&, migration const& which, std::string const& script) {
        auto const transaction = session.query_value("SELECT pg_current_xact_id()");
        session.execute(script);
        if (session.query_value("SELECT pg_current_xact_id()") != transaction) {
            throw migration_error{migrate_exit::partly_applied,
                                  which.label() +
                                      ": the file ends the transaction it runs in; what "
                                      "came before that is in the database"};
        }
    }

    /// What counts as there before. What public held before the first migration is nobody's drift:
    /// it becomes part of the first record.
    catalog_objects catalog_before() {
        catalog_objects objects = read_catalog(session);
        if (records.load().empty()) {
            for (auto const& [key, definition] : read_catalog(session, {"public"})) {
                objects.erase(key);
            }
        }
        return objects;
    }

    void record(migration const& which, catalog_objects const& before, clock::time_point start,
                std::vector<catalog_change>& changes) {
        changes = compare_catalogs(before, read_catalog(session));
        catalog_objects expected = records.expected_catalog();
        apply_changes(expected, changes);
        records.finish(which, changes, expected, since(start));
    }

    void apply_in_transaction(migration const& which) {
        auto const start = clock::now();
        std::vector<catalog_change> changes;
        with_retries(which, migrate_exit::rolled_back, [&] {
            sql_transaction transaction{session};
            catalog_objects const before = catalog_before();
            execute_inside(transaction, which, which.up.text);
            records.insert(which, record_state::applied);
            record(which, before, start, changes);
            transaction.commit();
        });
        tell(migration_action::applied, which, since(start), std::move(changes));
    }

    /// The statements of a file that forbids a transaction. They wait longer for locks: CREATE
    /// INDEX CONCURRENTLY outwaits every older transaction, and leaves an invalid index when it
    /// does not.
    void execute_one_by_one(migration const& which, std::string const& script) {
        limit_lock_waits(options.table_lock_time_max * 30);
        with_retries(which, migrate_exit::partly_applied, [&] {
            for (std::string const& statement : split_statements(script)) {
                session.execute(statement);
            }
        });
        limit_lock_waits(options.table_lock_time_max);
    }

    void apply_one_by_one(migration const& which, bool is_begun) {
        auto const start = clock::now();
        // Of one that was begun before, the state before it is what its predecessors recorded.
        catalog_objects const before = is_begun ? records.expected_catalog() : catalog_before();
        records.insert(which, record_state::running);
        execute_one_by_one(which, which.up.text);
        std::vector<catalog_change> changes;
        sql_transaction transaction{session};
        record(which, before, start, changes);
        transaction.commit();
        tell(migration_action::applied, which, since(start), std::move(changes));
    }

    void apply(migration const& which, bool is_begun) {
        lock->check();
        limit_lock_waits(options.table_lock_time_max);
        if (which.up.in_transaction) {
            apply_in_transaction(which);
        } else {
            apply_one_by_one(which, is_begun);
        }
    }

    void revert(migration const& which) {
        lock->check();
        limit_lock_waits(options.table_lock_time_max);
        auto const start = clock::now();
        if (which.down.in_transaction) {
            with_retries(which, migrate_exit::rolled_back, [&] {
                sql_transaction transaction{session};
                execute_inside(transaction, which, which.down.text);
                records.remove(which.version);
                transaction.commit();
            });
        } else {
            records.set_state(which.version, record_state::reverting);
            execute_one_by_one(which, which.down.text);
            records.remove(which.version);
        }
        tell(migration_action::reverted, which, since(start), {});
    }

    // -- the commands --

    void up(std::optional<int> to) {
        check_target(to);
        auto const statuses = prepare();
        if (has_state(statuses, migration_state::reverting)) {
            throw migration_error{migrate_exit::partly_applied,
                                  "a migration was begun to be reverted: run tallyd migrate down"};
        }
        records.create_tables();
        for (migration_status const& status : statuses) {
            bool const is_begun = status.state == migration_state::running;
            bool const is_due = is_begun || status.state == migration_state::pending;
            if (is_due && status.version <= to.value_or(status.version)) {
                apply(file_of(status.version), is_begun);
            }
        }
    }

    void down(std::optional<int> to) {
        check_target(to);
        auto statuses = prepare();
        std::erase_if(statuses, [](migration_status const& status) {
            return status.state == migration_state::pending;
        });
        int const last = statuses.empty() ? 0 : statuses.back().version;
        int const keep = to.value_or(last - 1);
        for (auto status = statuses.rbegin(); status != statuses.rend(); ++status) {
            if (status->version > keep) {
                revert(file_of(status->version));
            }
        }
    }

    void redo() {
        take_lock();
        auto const loaded = records.load();
        if (loaded.empty()) {
            throw migration_error{migrate_exit::failed, "no migration is applied"};
        }
        int const version = loaded.back().version;
        down({});
        up(version);
    }

    void plan() {
        auto const statuses = prepare();
        limit_lock_waits(options.table_lock_time_max);
        sql_transaction transaction{session};
        for (migration_status const& status : statuses) {
            if (status.state == migration_state::pending ||
                status.state == migration_state::running) {
                try_out(transaction, file_of(status.version));
            }
        }
    }

    void try_out(sql_transaction& transaction, migration const& which) {
        if (!which.up.in_transaction) {
            tell(migration_action::skipped, which, {}, {});
            return;
        }
        auto const start = clock::now();
        catalog_objects const before = read_catalog(session);
        try {
            execute_inside(transaction, which, which.up.text);
        } catch (sql_error const& error) {
            throw failure_of(which, migrate_exit::rolled_back, error, 1);
        }
        auto changes = compare_catalogs(before, read_catalog(session));
        tell(migration_action::tried, which, since(start), std::move(changes));
    }

    verification verify() {
        verification found;
        sql_transaction snapshot{session};
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
        auto const loaded = records.load();
        found.statuses = compare_migrations(files, loaded);
        if (!loaded.empty()) {
            catalog_objects const expected = records.expected_catalog();
            found.drift = compare_catalogs(expected, read_catalog(session, schemas_of(expected)));
            found.is_other_server_major =
                loaded.back().server_major != session.server_version() / 10000;
        }
        return found;
    }
};

namespace {

/// Runs a command of the runner; a lost connection outside a migration's own statements is no
/// migration_error yet.
template <typename Function>
auto guarded(Function&& command) {
    try {
        return command();
    } catch (sql_error const& error) {
        throw migration_error{migrate_exit::failed, connect_problem(error)};
    }
}

} // namespace

migration_runner::migration_runner(std::string connection_string, std::vector<migration> files,
                                   migrate_options options, observer report)
    : impl_{guarded([&] {
          return std::make_unique<impl>(std::move(connection_string), std::move(files), options,
                                        std::move(report));
      })} {}

migration_runner::~migration_runner() = default;

void migration_runner::up(std::optional<int> to) {
    guarded([&] { impl_->up(to); });
}

void migration_runner::down(std::optional<int> to) {
    guarded([&] { impl_->down(to); });
}

void migration_runner::redo() {
    guarded([&] { impl_->redo(); });
}

void migration_runner::plan() {
    guarded([&] { impl_->plan(); });
}

std::vector<migration_status> migration_runner::status() {
    return guarded([&] { return compare_migrations(impl_->files, impl_->records.load()); });
}

verification migration_runner::verify() {
    return guarded([&] { return impl_->verify(); });
}

schema_check check_schema(std::string const& connection_string) {
    pqxx_session session{connection_string, "tallyd check"};
    auto const files = embedded_migrations();
    auto const loaded = migration_records{session}.load();
    auto const statuses = compare_migrations(files, loaded);
    schema_check check;
    check.binary_version = files.empty() ? 0 : files.back().version;
    check.database_version = loaded.empty() ? 0 : loaded.back().version;
    check.advice = refusals(statuses);
    if (check.advice.empty() && has_state(statuses, migration_state::reverting)) {
        check.advice = "a migration is half reverted: run tallyd migrate down, then up";
    } else if (check.advice.empty() && (has_state(statuses, migration_state::pending) ||
                                        has_state(statuses, migration_state::running))) {
        check.advice = "the database is at migration " + std::to_string(check.database_version) +
                       " and this tallyd needs " + std::to_string(check.binary_version) +
                       ": run tallyd migrate up";
    }
    check.is_ok = check.advice.empty();
    return check;
}

} // namespace tally::storage
