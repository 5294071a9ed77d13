#include "storage/schema/seeds.hpp"

#include "storage/postgres/sql_session.hpp"
#include "storage/schema/embedded_files.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/migration_lock.hpp"
#include "storage/schema/migrations.hpp"
#include "storage/schema/password_hash.hpp"
#include "storage/schema/plan_seeds.hpp"

#include <algorithm>

namespace tally::storage {
namespace {

constexpr std::chrono::seconds lock_wait_max{60};

/// seeds/NN_name.apply.sql and seeds/NN_name.undo.sql.
struct seed {
    std::string name; ///< "10_system_users"
    std::string apply;
    std::string undo;
    [[nodiscard]] bool is_demo() const { return name.find("_demo") != std::string::npos; }
};

std::string_view text_of(std::string const& path) {
    auto const files = embedded_sql();
    auto const found = std::ranges::find(files, path, &embedded_file::path);
    return found != files.end() ? found->text : std::string_view{};
}

std::vector<seed> all_seeds() {
    // The files are sorted by path, and their numbers are the order in which they build on each
    // other.
    constexpr std::string_view folder = "seeds/";
    constexpr std::string_view ending = ".apply.sql";
    std::vector<seed> seeds;
    for (embedded_file const& file : embedded_sql()) {
        if (!file.path.starts_with(folder) || !file.path.ends_with(ending)) {
            continue;
        }
        std::string name{file.path.substr(folder.size())};
        name.resize(name.size() - ending.size());
        std::string const undo = std::string{folder} + name + ".undo.sql";
        seeds.push_back({name, std::string{file.text}, std::string{text_of(undo)}});
    }
    return seeds;
}

/// The seeds and which of them are recorded.
class seed_runner {
  public:
    explicit seed_runner(std::string const& connection_string)
        : connection_string_{connection_string}, lock_{connection_string, lock_wait_max},
          session_{connection_string, "tallyd seed"} {
        session_.execute("SET search_path = public");
    }

    void create_table() {
        session_.execute(
            "CREATE TABLE IF NOT EXISTS public.tallyd_seeds (name text PRIMARY KEY, "
            "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
            "COMMENT ON TABLE public.tallyd_seeds IS 'Seeds that tallyd seed has applied'");
    }

    bool is_applied(seed const& entry) {
        return session_
            .query_value("SELECT name FROM public.tallyd_seeds WHERE name = $1", {entry.name})
            .has_value();
    }

    // As a setting of the transaction, which the script reads: a script has no parameters.
    void set(std::string const& name, std::string const& value) {
        session_.query("SELECT set_config('tallyd.' || $1, $2, true)", {name, value});
    }

    template <typename Function>
    void apply(seed const& entry, Function&& prepare) {
        // The seed and its record commit together.
        sql_transaction transaction{session_};
        prepare(*this);

        // On a connection of its own: the plans commit before the rows that refer to them.
        if (entry.name == "30_telecom_plans") {
            seed_telecom_plans(connection_string_);
        }
        session_.execute(entry.apply);
        session_.query("INSERT INTO public.tallyd_seeds (name, sha256) VALUES ($1, $2)",
                       {entry.name, sha256_hex(entry.apply)});
        transaction.commit();
    }

    void undo(seed const& entry) {
        session_.execute(entry.undo);
        session_.query("DELETE FROM public.tallyd_seeds WHERE name = $1", {entry.name});
    }

    sql_session& session() { return session_; }

  private:
    std::string const& connection_string_;
    migration_lock lock_; // without it two commands could both find a seed missing
    sql_session session_;
};

/// The given password, the documented one of the demo, or a random one, which the report returns.
std::string password_of(std::string const& email, std::optional<std::string> const& given,
                        seed_options const& options, seed_report& report) {
    if (given) {
        return *given;
    }
    if (options.demo) {
        return "Admin@123";
    }
    report.passwords.push_back({email, random_password()});
    return report.passwords.back().password;
}

/// All demo users share one password hash: hashing takes a quarter of a second, by design.
std::string const& demo_hash() {
    static std::string const hash = bcrypt_hash("Demo@123");
    return hash;
}

void prepare_passwords(seed_runner& runner, seed const& entry, seed_options const& options,
                       seed_report& report) {
    if (entry.name == "10_system_users") {
        runner.set("hash_admin", bcrypt_hash(password_of("admin@balatrix.com",
                                                         options.admin_password, options, report)));
        runner.set("hash_support",
                   bcrypt_hash(password_of("support@balatrix.com", options.support_password,
                                           options, report)));
        runner.set("must_change_password", options.demo ? "false" : "true");
    } else if (entry.is_demo()) {
        runner.set("hash_demo", demo_hash());
    }
}

void require_schema(std::string const& connection_string) {
    schema_check const check = check_schema(connection_string);
    if (!check.is_ok) {
        throw command_error{check.advice};
    }
}

} // namespace

seed_report apply_seeds(std::string const& connection_string, seed_options const& options) {
    // Refused before anything is touched: demo users have documented passwords.
    if (options.demo && options.production) {
        throw command_error{"environment is \"production\": demo data is refused"};
    }

    // The runner takes the lock; the table of seeds is not made by a migration.
    require_schema(connection_string);
    seed_runner runner{connection_string};
    runner.create_table();

    // In order, since seeds build on each other.
    seed_report report;
    for (seed const& entry : all_seeds()) {
        if (entry.is_demo() && !options.demo) {
            continue;
        }

        // Seeds that are there are left alone: an operator may have changed their rows.
        if (runner.is_applied(entry)) {
            report.present.push_back(entry.name);
            continue;
        }

        // Those before it stay: each seed is a transaction of its own.
        try {
            runner.apply(entry, [&](seed_runner& prepared) {
                prepare_passwords(prepared, entry, options, report);
            });
        } catch (std::runtime_error const& error) {
            throw command_error{"seed " + entry.name +
                                " failed and was rolled back: " + error.what()};
        }
        report.applied.push_back(entry.name);
    }
    return report;
}

std::vector<std::string> seeds_to_undo(std::string const& connection_string,
                                       seed_options const& options) {
    std::vector<std::string> names;
    sql_session session{connection_string, "tallyd seed"};
    // A database that was never seeded has no table, and nothing to undo.
    if (!session.query_value("SELECT to_regclass('public.tallyd_seeds')::text")) {
        return names;
    }
    for (sql_row& row : session.query("SELECT name FROM public.tallyd_seeds ORDER BY name DESC")) {
        if (!options.demo || seed{*row[0], {}, {}}.is_demo()) {
            names.push_back(std::move(*row[0]));
        }
    }
    return names;
}

seed_report undo_seeds(std::string const& connection_string, seed_options const& options) {
    seed_runner runner{connection_string};
    runner.create_table();
    seed_report report;

    // All in one transaction, the last seed first: rows of a later seed refer to those of an
    // earlier one.
    auto const seeds = all_seeds();
    sql_transaction transaction{runner.session()};
    for (auto found = seeds.rbegin(); found != seeds.rend(); ++found) {
        // With --demo only the demo's rows go.
        seed const& entry = *found;
        if ((options.demo && !entry.is_demo()) || !runner.is_applied(entry)) {
            continue;
        }

        // Foreign keys refuse it while other rows refer to those of the seed.
        try {
            runner.undo(entry);
        } catch (database_error const& error) {
            throw command_error{"seed " + entry.name +
                                " is in use, nothing was undone: " + error.what()};
        }
        report.applied.push_back(entry.name);
    }

    transaction.commit();
    return report;
}

} // namespace tally::storage
