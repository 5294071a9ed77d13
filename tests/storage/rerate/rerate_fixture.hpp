#pragma once

#include "storage/rerate/call_correction.hpp"
#include "storage/rerate/job.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/test_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// A telecom whose calls are stored, rated again and corrected.
class rerate_fixture : public ::testing::Test {
  protected:
    static constexpr int accounts = 3;
    static constexpr ingest::time_us minute = 60 * ingest::us_per_s;
    static constexpr ingest::time_us day = 24 * 60 * minute;

    rerate_fixture();

    static storage::rerate_selection subscription(int account);
    static storage::rerate_selection plan();
    storage::rerate_task task(storage::rerate_selection selection) const;
    storage::rerate_outcome rerate(storage::rerate_selection selection);
    storage::rerate_outcome run(storage::rerate_task options, storage::rerate_hooks hooks = {});
    storage::correction_outcome correct(storage::correction_kind kind, int account,
                                        std::string const& uuid);

    [[nodiscard]] std::string one(std::string_view sql) const { return query_one(connection, sql); }
    /// "cost/allowance_seconds/status" of each call, by uuid.
    [[nodiscard]] std::vector<std::string> ratings() const;
    /// Expects calls, balances, usage and aggregates to agree, in sum and row by row.
    void expect_consistent() const;

    std::string connection;
    test_lane lane;
    call_maker make;
    std::shared_ptr<rating::catalog const> catalog;
};

} // namespace tally::tests
