#include "tests/storage/sql_schema/schema_needs.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

// tests/storage/sql_schema/requirements lists what five kinds of back end require of the schema.
// These tests compare it with the migrations, object by object.

namespace tally::storage {
namespace {

using testing::HasSubstr;
using tests::private_postgres;

std::filesystem::path const folder =
    std::filesystem::path{TALLY_SOURCE_DIR} / "tests/storage/sql_schema/requirements";

std::vector<schema_need> needs_of(std::string const& file) {
    std::ifstream input{folder / file};
    std::ostringstream text;
    text << input.rdbuf();
    return read_needs(file, text.str());
}

/// A database that is only read.
std::string const& proved_database() {
    static std::string const database = private_postgres::shared().migrated_database();
    return database;
}

class schema_proof_test : public testing::Test {
  protected:
    schema_prover prover_{proved_database()};

    /// The result for one line about a relation.
    std::string answer(std::string const& relation, std::string const& text) {
        return prover_.complaint({"test", relation, text});
    }
};

struct asked_for {
    char const* file;
    std::size_t needs_min; ///< so that an emptied list does not pass
};

class schema_proof_of : public schema_proof_test, public testing::WithParamInterface<asked_for> {};

TEST_P(schema_proof_of, has_every_object_that_is_asked_for) {
    auto const needs = needs_of(GetParam().file);
    EXPECT_GE(needs.size(), GetParam().needs_min);
    for (schema_need const& need : needs) {
        EXPECT_EQ(prover_.complaint(need), "");
    }
}

INSTANTIATE_TEST_SUITE_P(each, schema_proof_of,
                         testing::Values(asked_for{"telecom_billing.txt", 300},
                                         asked_for{"licensing.txt", 100},
                                         asked_for{"saas_backend.txt", 170},
                                         asked_for{"vouchers.txt", 120},
                                         asked_for{"event_platform.txt", 190}),
                         [](auto const& file) {
                             std::string const name = file.param.file;
                             return name.substr(0, name.find('.'));
                         });

TEST_F(schema_proof_test, reads_every_list_that_is_there) {
    std::set<std::string> found;
    for (auto const& file : std::filesystem::directory_iterator{folder}) {
        found.insert(file.path().filename());
    }
    EXPECT_THAT(found,
                testing::ElementsAre("event_platform.txt", "licensing.txt", "saas_backend.txt",
                                     "telecom_billing.txt", "vouchers.txt"));
}

TEST_F(schema_proof_test, counts_what_telecom_billing_counts) {
    std::vector<std::string> const tables{
        "identity.users",          "billing.customers",       "billing.rate_plans",
        "billing.accounts",        "billing.subscriptions",   "billing.cdrs",
        "billing.payments",        "billing.invoices",        "billing.dids",
        "billing.payment_methods", "identity.refresh_tokens", "billing.subscription_usage"};
    EXPECT_GE(prover_.count("columns", tables), 244);
    EXPECT_GE(prover_.count("foreign_keys", tables), 16);
    int const of_sealed_calls =
        std::stoi(sql_session{proved_database(), "test"}
                      .query_value("SELECT cardinality(sealed_indexes) FROM "
                                   "ingest.partitioned_tables WHERE table_name = 'billing.cdrs'")
                      .value_or("0"));
    EXPECT_GE(of_sealed_calls, 8);
    EXPECT_GE(prover_.count("indexes", tables) + of_sealed_calls, 45);
}

TEST_F(schema_proof_test, names_what_is_missing_or_differs) {
    EXPECT_EQ(answer("billing.dids", "did_number text not null"), "");
    struct wrong_need {
        char const* text;
        char const* answer;
    };
    for (wrong_need const& each : {
             wrong_need{"columns 99", "billing.dids: columns 99: has fewer"},
             wrong_need{"colour text", "there is no such column"},
             wrong_need{"did_number uuid not null", "is of type text"},
             wrong_need{"did_number text nullable", "is not null"},
             wrong_need{"subscription_id uuid not null", "is nullable"},
             wrong_need{"status enum available lost not null", "has the values {available,"},
             wrong_need{"status enum exactly available", "has the values {available,"},
             wrong_need{"monthly_cost integer", "is of type numeric(20,6)"},
             wrong_need{"default status 'lost'", "is another"},
             wrong_need{"generated status", "is not"},
             wrong_need{"primary key (did_number)", "is another or missing"},
             wrong_need{"unique (status)", "is missing"},
             wrong_need{"unique (id did_number)", "is missing"},
             wrong_need{"index (city)", "is missing"},
             wrong_need{"index (did_number status)|(city)", "is missing"},
             wrong_need{"full text (city)", "is missing"},
             wrong_need{"foreign key (subscription_id) to billing.accounts set null", "is missing"},
             wrong_need{"foreign key (subscription_id) to billing.subscriptions cascade",
                        "has another rule"},
             wrong_need{"check (city)", "is missing"},
             wrong_need{"trigger update_updated_at_column on update delete", "is missing"},
             wrong_need{"partitioned by created_at a day", "is not"},
             wrong_need{"sealed (status)", "is no index of a sealed partition"},
             wrong_need{"view", "is missing"},
         }) {
        EXPECT_THAT(answer("billing.dids", each.text), HasSubstr(each.answer)) << each.text;
    }
    EXPECT_THAT(answer("", "function billing.fly"), HasSubstr("is missing"));
    EXPECT_THAT(answer("billing.birds", "table"), HasSubstr("is missing"));
    EXPECT_THROW(answer("billing.dids", "index of city"), std::runtime_error);
    EXPECT_THROW(read_needs("test", "  id uuid\n"), std::runtime_error);
}

TEST_F(schema_proof_test, sees_what_somebody_dropped) {
    std::string const database = private_postgres::shared().migrated_database();
    schema_prover prover{database};
    sql_session{database, "test"}.execute(
        "DROP INDEX billing.dids_status_idx; ALTER TABLE billing.dids DROP CONSTRAINT "
        "dids_did_number_key, DROP CONSTRAINT dids_subscription_id_fkey; COMMENT ON TABLE "
        "billing.dids IS NULL; DROP TRIGGER dids_updated_at ON billing.dids");
    for (char const* gone : {"index (status)", "unique (did_number)", "table",
                             "foreign key (subscription_id) to billing.subscriptions set null",
                             "trigger update_updated_at_column on update"}) {
        EXPECT_NE(prover.complaint({"test", "billing.dids", gone}), "") << gone;
    }
}

} // namespace
} // namespace tally::storage
