#pragma once

#include "rating/catalog/guide.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/lane/lane_writer.hpp"
#include "tests/storage/lane/divided_store.hpp"
#include "tests/support/catalog_of.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace tally::storage {

/// Stores calls as the daemon does: one lane with its own connection.
class calls_lane {
  public:
    explicit calls_lane(std::string const& database, std::int32_t number = 0)
        : catalog_{tests::catalog_of(database)}, writer_{database, "test lane", {}},
          lane_{writer_,
                {.lane = number, .daemon_id = {}},
                observer_,
                [](std::chrono::milliseconds) { return true; }} {
        source_.id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
    }

    void store(std::vector<ingest::cdr> const& calls) {
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
            entries.push_back(entry);
        }
        EXPECT_TRUE(store_divided(lane_, entries));
    }

  private:
    class unwatched final : public lane_observer {
        void stored(stored_batch const&) override {}
        void retried(std::string_view, result const&) override {}
    };

    std::shared_ptr<rating::catalog const> catalog_;
    ingest::source source_;
    batch_writer writer_;
    unwatched observer_;
    lane_writer lane_;
};

} // namespace tally::storage
