#pragma once

#include "rating/catalog/guide.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/lane/lane_writer.hpp"
#include "tests/storage/lane/divided_store.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/catalog_of.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tally::storage {

using ingest::record_error;
using tests::call_maker;
using tests::execute;
using tests::four_sums;
using tests::query_one;

/// Records what a lane reports.
class counting_observer final : public lane_observer {
  public:
    void stored(stored_batch const& stored) override {
        ++batches;
        rows += stored.rows.calls_stored();
    }
    void retried(std::string_view reason, result const&) override {
        ++retries[std::string{reason}];
    }

    std::size_t batches = 0;
    std::size_t rows = 0;
    std::map<std::string, int> retries;
};

/// A small telecom, and lanes that store its calls.
class lane_writer_test : public ::testing::Test {
  protected:
    lane_writer_test() {
        connection_ = tests::private_postgres::shared().migrated_database();
        tests::make_telecom(connection_, 3);
        reload();
        source_.id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
    }
    void reload() { catalog_ = tests::catalog_of(connection_); }

    /// A lane with its own connection and caches, as in another daemon.
    struct lane {
        explicit lane(std::string const& connection, std::int32_t number = 0,
                      std::size_t states_max = 1000)
            : writer{connection, "test lane", {}},
              lane_writer{writer,
                          {.lane = number, .daemon_id = {}, .usage_states_max = states_max},
                          observer,
                          [this](std::chrono::milliseconds) { return --pauses_left > 0; }} {}
        batch_writer writer;
        counting_observer observer;
        int pauses_left = 100;
        storage::lane_writer lane_writer;
    };

    std::vector<batch_entry> entries_of(std::vector<ingest::cdr> const& calls) const {
        std::vector<batch_entry> entries;
        for (auto const& call : calls) {
            batch_entry entry;
            entry.call = &call;
            entry.catalog = catalog_.get();
            entry.source = &source_;
            entry.format = "canonical";
            entry.raw = call.raw;
            entry.call_owner = rating::guide(call, *catalog_);
            entry.account_id = account_of(entry.call_owner, *catalog_);
            if (entry.call_owner.error != record_error::none) {
                entry.suspend(entry.call_owner.error);
            }
            entries.push_back(entry);
        }
        return entries;
    }
    std::vector<batch_entry> store(lane& target, std::vector<ingest::cdr> const& calls) {
        auto entries = entries_of(calls);
        EXPECT_TRUE(store_divided(target.lane_writer, entries));
        return entries;
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    void expect_sums(std::string const& sum) const {
        EXPECT_THAT(four_sums(connection_), ::testing::Each(sum));
    }

    std::string connection_;
    std::shared_ptr<rating::catalog const> catalog_;
    ingest::source source_;
    call_maker make_;
};

} // namespace tally::storage
