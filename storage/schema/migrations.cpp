#include "storage/schema/migrations.hpp"

#include "storage/embedded/binaries.hpp"
#include "storage/postgres/sql_session.hpp"
#include "storage/schema/migration_lock.hpp"
#include "storage/schema/migration_records.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tally::storage {
namespace {

std::string connect_problem(database_error const& error) {
    return std::string{"cannot use the database: "} + error.report().text;
}

/// The migrations that down(to) reverts, the last first, and the version that remains.
std::pair<std::vector<migration_status>, int> due_for_down(std::vector<migration_status> statuses,
                                                           std::optional<int> target) {
    std::erase_if(statuses, [](migration_status const& status) {
        return status.state == migration_state::pending;
    });
    // Without a target only the last migration is reverted.
    int const last = statuses.empty() ? 0 : statuses.back().version;
    int const keep = target.value_or(last - 1);
    std::erase_if(statuses,
                  [keep](migration_status const& status) { return status.version <= keep; });
    std::ranges::reverse(statuses);
    return {std::move(statuses), keep};
}

} // namespace

migrate_exit verification::code() const {
    // What differs counts more than what is merely unfinished: an operator has to look at it.
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
    sql_session session;
    migration_records records{session};
    migration_executor executor;
    std::optional<migration_lock> lock;

    impl(std::string given, std::vector<migration> migrations, migrate_options chosen,
         observer listener)
        : connection_string{std::move(given)}, files{std::move(migrations)}, options{chosen},
          session{connection_string, "tallyd migrate"}, executor{session, chosen,
                                                                 std::move(listener)} {
        // Refused before anything is done: the SQL of the migrations needs features of that
        // version.
        if (session.server_version() / 10000 < postgres_major_min) {
            throw migrate_failure(
                migrate_exit::failed,
                "the server is PostgreSQL " + std::to_string(session.server_version() / 10000) +
                    "; tallyd needs " + std::to_string(postgres_major_min) + " or newer");
        }

        // A migration may rewrite a large table, so no statement of it has a limit.
        session.execute("SET search_path = public; SET statement_timeout = 0; "
                        "SET idle_in_transaction_session_timeout = 0");
    }

    // -- before anything is changed --

    void take_lock() {
        // A command takes the lock once; redo() needs it for both of its halves.
        if (lock) {
            lock->check();
            return;
        }
        lock.emplace(connection_string, options.lock_wait_max);
    }

    /// Takes the lock and then reads the state, which another session may have changed during the
    /// wait.
    std::vector<migration_status> prepare() {
        take_lock();
        auto statuses = compare_migrations(files, records.load());
        if (std::string const problems = refusals(statuses); !problems.empty()) {
            throw migrate_failure(migrate_exit::changed, problems);
        }
        return statuses;
    }

    migration const& file_of(int version) const {
        auto const found = std::ranges::find(files, version, &migration::version);
        if (found == files.end()) {
            throw migrate_failure(migrate_exit::failed,
                                  "there is no migration " + std::to_string(version));
        }
        return *found;
    }

    void check_target(std::optional<int> target) const {
        if (target && *target != 0) {
            (void)file_of(*target);
        }
    }

    // -- the commands --

    void up(std::optional<int> target) {
        // Refusals come before the first change.
        check_target(target);
        auto const statuses = prepare();
        if (has_state(statuses, migration_state::reverting)) {
            throw migrate_failure(migrate_exit::partly_applied,
                                  "a migration was begun to be reverted: run tallyd migrate down");
        }

        // Each in a transaction of its own, unless its file forbids one: what succeeded stays.
        records.create_tables();
        for (migration_status const& status : statuses) {
            bool const is_begun = status.state == migration_state::running;
            bool const is_due = is_begun || status.state == migration_state::pending;
            if (is_due && status.version <= target.value_or(status.version)) {
                // Without the lock another session may be applying the same migration.
                lock->check();
                executor.apply(file_of(status.version), is_begun);
            }
        }
    }

    void down(std::optional<int> target) {
        check_target(target);
        auto const [due, keep] = due_for_down(prepare(), target);
        for (migration_status const& status : due) {
            lock->check();
            executor.revert(file_of(status.version));
        }
    }

    void redo(std::optional<int> expected) {
        // Under the lock: "the last migration" may be another one after the wait.
        take_lock();
        auto const loaded = records.load();
        if (loaded.empty()) {
            throw migrate_failure(migrate_exit::failed, "no migration is applied");
        }

        int const version = loaded.back().version;
        if (expected && *expected != version) {
            throw migrate_failure(migrate_exit::failed,
                                  "the last migration is " + std::to_string(version) +
                                      " by now, not " + std::to_string(*expected));
        }

        down({});
        up(version);
    }

    migration_loss loss_of_down(std::optional<int> target) {
        check_target(target);
        migration_loss loss;
        std::tie(loss.migrations, loss.keep) =
            due_for_down(compare_migrations(files, records.load()), target);
        if (!loss.migrations.empty()) {
            auto found = records.tables_made_above(loss.keep);
            loss.tables = std::move(found.names);
            loss.bytes = found.bytes;
        }
        return loss;
    }

    void plan() {
        // In one transaction that is rolled back, since each migration needs what those before it
        // have made.
        auto const statuses = prepare();
        sql_transaction transaction{session};
        for (migration_status const& status : statuses) {
            if (status.state == migration_state::pending ||
                status.state == migration_state::running) {
                executor.try_out(file_of(status.version));
            }
        }
    }

    verification verify() {
        verification found;
        // Records and catalog in one snapshot, or a migration that commits in between would look
        // like drift.
        sql_transaction snapshot{session};
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
        auto const loaded = records.load();
        found.statuses = compare_migrations(files, loaded);

        if (!loaded.empty()) {
            catalog_objects const expected = records.expected_catalog();
            found.drift = compare_catalogs(expected, read_schema(session, schemas_of(expected)));
            found.is_other_server_major =
                loaded.back().server_major != session.server_version() / 10000;
        }
        return found;
    }
};

namespace {

/// Runs a command of the runner. A failure outside the statements of a migration arrives as
/// database_error, whose text gets the words that `migrate` puts before it.
template <typename Function>
auto guarded(Function&& command) {
    try {
        return command();
    } catch (database_error const& error) {
        throw migrate_failure(migrate_exit::failed, connect_problem(error));
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

void migration_runner::up(std::optional<int> target) {
    guarded([&] { impl_->up(target); });
}

void migration_runner::down(std::optional<int> target) {
    guarded([&] { impl_->down(target); });
}

void migration_runner::redo(std::optional<int> version) {
    guarded([&] { impl_->redo(version); });
}

migration_loss migration_runner::loss_of_down(std::optional<int> target) {
    return guarded([&] { return impl_->loss_of_down(target); });
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
    sql_session session{connection_string, "tallyd check"};
    // Reads only, so it needs no migration lock.
    auto const files = embedded_migrations();
    auto const loaded = migration_records{session}.load();
    auto const statuses = compare_migrations(files, loaded);

    // For the message to the operator.
    schema_check check;
    check.binary_version = files.empty() ? 0 : files.back().version;
    check.database_version = loaded.empty() ? 0 : loaded.back().version;

    // One advice, the most serious first.
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
