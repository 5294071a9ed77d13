#pragma once

#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/test_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

using ingest::record_error;
using tests::call_maker;
using tests::execute;
using tests::four_sums;
using tests::query_one;
using tests::test_lane;

/// A small telecom, and lanes that store its calls.
class lane_writer_test : public ::testing::Test {
  protected:
    lane_writer_test() {
        connection_ = tests::private_postgres::shared().migrated_database();
        tests::make_telecom(connection_, 3);
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    void expect_sums(std::string const& sum) const {
        EXPECT_THAT(four_sums(connection_), ::testing::Each(sum));
    }

    std::string connection_;
    call_maker make_;
};

} // namespace tally::storage
