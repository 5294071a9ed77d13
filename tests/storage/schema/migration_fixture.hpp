#pragma once

#include "storage/postgres/sql_session.hpp"
#include "storage/schema/migrations.hpp"
#include "storage/schema/snapshot.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace tally::storage {

inline migration_script script(std::string text) {
    migration_script made;
    made.sha256 = sha256_hex(text);
    made.in_transaction = !text.starts_with("-- tallyd: no-transaction");
    made.text = std::move(text);
    return made;
}

inline migration file(int version, std::string name, std::string up,
                      std::string down = "SELECT 1") {
    return {version, std::move(name), script(std::move(up)), script(std::move(down))};
}

/// Two small migrations.
inline std::vector<migration> two_files() {
    return {file(1, "cats", "CREATE TABLE public.cats (name text)", "DROP TABLE public.cats"),
            file(2, "dogs", "CREATE TABLE public.dogs (name text)", "DROP TABLE public.dogs")};
}

class migration_runner_test : public testing::Test {
  protected:
    std::string database_ = tests::private_postgres::shared().empty_database();
    migrate_options options_;
    std::atomic<int> events_ = 0;

    migration_runner runner(std::vector<migration> files) {
        return migration_runner{database_, std::move(files), options_,
                                [this](migration_event const&) { ++events_; }};
    }

    /// Exit code and message of an action.
    template <typename Action>
    migrate_exit exit_of(Action&& action) {
        try {
            action();
        } catch (command_error const& error) {
            text_ = error.what();
            return migrate_exit{error.exit_code()};
        }
        return migrate_exit::done;
    }

    std::string value(std::string const& sql) {
        return sql_session{database_, "test"}.query_value(sql).value_or("NULL");
    }
    bool has(std::string const& table) {
        return value("SELECT to_regclass('" + table + "')") != "NULL";
    }
    std::string fingerprint() {
        sql_session session{database_, "test"};
        return catalog_fingerprint(read_schema(session));
    }

    std::string text_;
};

} // namespace tally::storage
