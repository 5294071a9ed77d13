#pragma once

#include "storage/batch/batch_writer.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/stored_row.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace tally::tests {

/// A migrated database with a small telecom, and batches for it that are rated by hand.
class batch_fixture : public testing::Test {
  protected:
    static constexpr int accounts = 4;
    static constexpr ingest::time_us period_start = 1'777'593'600LL * ingest::us_per_s; // May 1st
    static constexpr ingest::time_us period_end = 1'780'272'000LL * ingest::us_per_s;   // June 1st

    void SetUp() override;

    /// An empty batch with a new id.
    static storage::batch new_batch();
    /// A call of 44... that costs `cost_nanos`, with its share of usage, balance and day.
    /// `version` is the expected version of the usage row.
    void add_call(storage::batch& target, ingest::cdr const& call, int account,
                  std::int64_t cost_nanos, std::int64_t version = 0);
    /// A batch of one such call.
    storage::batch one_call(std::uint32_t number, int account, std::int64_t cost_nanos,
                            std::int64_t version = 0);
    /// Creates the partition of call_maker::base.
    void make_partition(storage::batch_writer& with) const;

    [[nodiscard]] std::string ask(std::string_view sql) const { return query_one(database, sql); }
    [[nodiscard]] std::vector<std::string> rows(std::string_view sql) const {
        return query_rows(database, sql);
    }
    [[nodiscard]] stored_row row(std::string_view table,
                                 std::string_view condition = "true") const {
        return {database, table, condition};
    }
    [[nodiscard]] ingest::uuid account_id(int account) const;
    [[nodiscard]] ingest::uuid subscription_id(int account) const;
    /// Expects every table that a batch writes to be empty.
    void expect_nothing_stored() const;

    static constexpr storage::partition_policy any_day{20'000, 20'000, 1};

    std::string database;
    call_maker calls;
    std::deque<ingest::cdr> kept; ///< the rows of the batches point to these
    rating::rate rate;
    ingest::uuid local_source = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
};

} // namespace tally::tests
