#include "storage/admin/imports.hpp"

#include "storage/postgres/database_error.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

namespace {

using namespace tally;
using namespace tally::tests;
using storage::import_counts;
using storage::import_file;
using storage::import_row;
using storage::import_state;

class imports : public testing::Test {
  protected:
    import_row begin(import_file const& file) { return storage::begin_import(connection, file); }
    std::optional<import_row> find(import_file const& file) {
        return storage::find_import(connection, file);
    }
    std::optional<import_row> get(ingest::uuid const& id) {
        return storage::get_import(connection, id);
    }
    /// Why a call is refused; none if it is not.
    template <typename Call>
    static storage::failure refusal(Call&& call) {
        try {
            call();
            return storage::failure::none;
        } catch (storage::database_error const& error) {
            return error.reason();
        }
    }
    storage::failure refusal_to_finish(ingest::uuid const& id) {
        return refusal([&] { storage::finish_import(connection, id, import_state::done, {}); });
    }
    [[nodiscard]] static import_file file_of(std::uint8_t digest) {
        return {"may.csv", storage::file_digest{digest, 0xff}, "asterisk",
                *ingest::parse_uuid("00000000-0000-7000-8000-000000000001"), 1234};
    }

    std::string database = private_postgres::shared().migrated_database();
    storage::pq_connection connection{database, "tallyd test"};
};

TEST_F(imports, a_new_file_gets_a_row) {
    EXPECT_EQ(find(file_of(1)), std::nullopt);
    auto const row = begin(file_of(1));
    EXPECT_EQ(row.file, file_of(1));
    EXPECT_EQ(row.state, import_state::running);
    EXPECT_EQ(row.runs, 1);
    EXPECT_EQ(row.counts, import_counts{});
    EXPECT_NE(row.started_at, 0);
    EXPECT_EQ(row.finished_at, ingest::never_us);
    EXPECT_EQ(find(file_of(1)), row);
    EXPECT_EQ(get(row.id), row);
    EXPECT_EQ(get(ingest::uuid_v7()), std::nullopt);
}

TEST_F(imports, a_file_that_is_begun_again_continues_its_row) {
    auto const first = begin(file_of(1));
    import_counts const counts{10, 5, 3, 1, 1};
    storage::finish_import(connection, first.id, import_state::failed, counts, "disk");
    EXPECT_EQ(get(first.id)->failure, "disk");
    EXPECT_EQ(get(first.id)->state, import_state::failed);
    EXPECT_NE(get(first.id)->finished_at, ingest::never_us);
    auto const again = begin(file_of(1));
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(again.runs, 2);
    EXPECT_EQ(again.counts, counts);
    EXPECT_EQ(again.failure, "");
    EXPECT_EQ(again.state, import_state::running);
}

TEST_F(imports, other_files_formats_and_standard_input_are_other_imports) {
    auto const first = begin(file_of(1));
    EXPECT_NE(begin(file_of(2)).id, first.id);
    auto other = file_of(1);
    other.format = "canonical";
    EXPECT_NE(begin(other).id, first.id);
    auto input = file_of(1);
    input.digest.reset();
    input.bytes_total.reset();
    EXPECT_EQ(find(input), std::nullopt);
    auto const one = begin(input);
    EXPECT_NE(one.id, begin(input).id);
    EXPECT_EQ(one.file, input);
}

TEST_F(imports, counts_are_totals_and_stop_changing_when_done) {
    auto const row = begin(file_of(1));
    storage::update_import(connection, row.id, {1, 1, 0, 0, 0});
    storage::update_import(connection, row.id, {9, 4, 3, 1, 1});
    EXPECT_EQ(get(row.id)->counts, (import_counts{9, 4, 3, 1, 1}));
    storage::finish_import(connection, row.id, import_state::done, {10, 5, 3, 1, 1});
    EXPECT_EQ(refusal([&] { storage::update_import(connection, row.id, {}); }),
              storage::failure::bad_data);
    EXPECT_EQ(get(row.id)->counts, (import_counts{10, 5, 3, 1, 1}));
    EXPECT_EQ(get(row.id)->state, import_state::done);
    EXPECT_EQ(refusal_to_finish(ingest::uuid_v7()), storage::failure::bad_data);
}

TEST_F(imports, a_reverted_file_may_be_imported_anew) {
    auto const first = begin(file_of(1));
    execute(database, "UPDATE ingest.imports SET state = 'reverted', reverted_at = now()");
    EXPECT_EQ(find(file_of(1)), std::nullopt);
    EXPECT_EQ(refusal_to_finish(first.id), storage::failure::bad_data);
    auto const second = begin(file_of(1));
    EXPECT_NE(second.id, first.id);
    auto const all = storage::list_imports(connection, 10);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, second.id);
    EXPECT_EQ(all[1].state, import_state::reverted);
    EXPECT_NE(all[1].reverted_at, ingest::never_us);
    EXPECT_EQ(storage::list_imports(connection, 1).size(), 1U);
}

TEST_F(imports, an_unknown_source_is_bad_data) {
    auto file = file_of(1);
    file.source_id = ingest::uuid_v7();
    EXPECT_EQ(refusal([&] { begin(file); }), storage::failure::bad_data);
}

} // namespace
