#include "storage/schema/diagram.hpp"

#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

// The diagram of the schema, and the one in migrations/README.md.

namespace tally::storage {
namespace {

using testing::HasSubstr;
using testing::Not;

class schema_diagram_test : public testing::Test {
  protected:
    sql_session session_{tests::private_postgres::shared().migrated_database(), "test"};
};

TEST_F(schema_diagram_test, shows_keys_and_relations) {
    auto const drawn = schema_diagram(session_);
    EXPECT_THAT(drawn, HasSubstr("### billing\n\n```mermaid\nerDiagram\n"));
    EXPECT_THAT(drawn, HasSubstr("    customers ||--o{ accounts : \"customer_id\"\n"));
    EXPECT_THAT(drawn, HasSubstr("    subscriptions |o--o{ dids : \"subscription_id\"\n"));
    EXPECT_THAT(drawn, HasSubstr("    accounts ||--o{ cdrs : \"account_id (sealed)\"\n"));
    EXPECT_THAT(drawn, HasSubstr("    subscription_usage {\n        uuid subscription_id PK, FK\n"
                                 "        uuid account_id FK\n"));
    EXPECT_THAT(drawn, HasSubstr("        text account_number UK\n"));
}

TEST_F(schema_diagram_test, leaves_partitions_out_and_stays_the_same) {
    auto const drawn = schema_diagram(session_);
    session_.execute(
        "SELECT ingest.create_partition('billing.cdrs', d) FROM"
        " generate_series(timestamptz '2026-05-03Z', '2026-05-04Z', '1 day') AS d;"
        "ALTER TABLE billing.cdrs DETACH PARTITION billing.cdrs_p20260503;"
        "UPDATE ingest.partitions SET state = 'detached' WHERE partition_name = 'cdrs_p20260503'");
    EXPECT_EQ(schema_diagram(session_), drawn);
    EXPECT_THAT(drawn, Not(HasSubstr("_p20")));
}

TEST_F(schema_diagram_test, a_child_with_a_unique_reference_has_one_row_at_most) {
    session_.execute("CREATE TABLE billing.notes (account_id uuid PRIMARY KEY REFERENCES"
                     " billing.accounts (id) ON DELETE CASCADE)");
    EXPECT_THAT(schema_diagram(session_),
                HasSubstr("    accounts ||--o| notes : \"account_id\"\n"));
}

TEST_F(schema_diagram_test, is_the_one_in_the_tree) {
    std::ifstream input{TALLY_SOURCE_DIR "/migrations/README.md", std::ios::binary};
    std::string const page{std::istreambuf_iterator<char>{input}, {}};
    auto const should_be = with_diagram(page, schema_diagram(session_));
    ASSERT_TRUE(should_be.has_value());
    EXPECT_TRUE(page == *should_be) << "run: ./dev diagram";
}

TEST(diagram, replaces_what_is_between_its_markers) {
    std::string const empty = "a\n<!-- diagram: begin -->\n<!-- diagram: end -->\nb\n";
    auto const once = with_diagram(empty, "x\n");
    ASSERT_TRUE(once.has_value());
    EXPECT_EQ(*once, "a\n<!-- diagram: begin -->\n\nx\n\n<!-- diagram: end -->\nb\n");
    EXPECT_EQ(with_diagram(*once, "x\n"), once);
}

TEST(diagram, needs_both_markers_in_order) {
    for (auto const* page : {"", "<!-- diagram: begin -->\n", "<!-- diagram: end -->\n",
                             "<!-- diagram: end -->\n<!-- diagram: begin -->\n",
                             "x <!-- diagram: begin -->\n<!-- diagram: end -->\n"}) {
        EXPECT_EQ(with_diagram(page, "x"), std::nullopt) << page;
    }
}

} // namespace
} // namespace tally::storage
