#pragma once

#include "rating/catalog/event_guide.hpp"
#include "rating/catalog/guide.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/lane/lane_writer.hpp"
#include "tests/storage/lane/divided_store.hpp"
#include "tests/support/catalog_of.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tally::storage {

/// Stores calls and events as the daemon does: one lane with its own connection and caches.
class events_lane {
  public:
    explicit events_lane(std::string const& database, std::int32_t number = 0,
                         std::size_t states_max = 1000)
        : catalog_{tests::catalog_of(database)}, writer_{database, "test lane", any_day},
          lane_{writer_,
                {.lane = number,
                 .daemon_id = {},
                 .usage_states_max = states_max,
                 .metric_states_max = states_max},
                observer_,
                [this](std::chrono::milliseconds) { return --pauses_left_ > 0; }} {
        source_.id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
    }

    /// The outcome of each.
    std::vector<batch_entry> store(std::vector<ingest::event> const& events,
                                   std::vector<ingest::cdr> const& calls = {}) {
        std::vector<batch_entry> entries;
        for (auto const& call : calls) {
            auto const payer = rating::guide(call, *catalog_);
            entries.emplace_back(blank()).take(call, payer, account_of(payer, *catalog_));
        }
        for (auto const& event : events) {
            entries.emplace_back(blank()).take(event, rating::guide(event, *catalog_));
        }
        EXPECT_TRUE(store_divided(lane_, entries));
        // The lane keeps these details only until its next batch.
        for (auto& entry : entries) {
            entry.detail = details_.emplace_back(entry.detail);
        }
        return entries;
    }
    [[nodiscard]] std::map<std::string, int> const& retries() const noexcept {
        return observer_.retries;
    }

    static constexpr partition_policy any_day{20'000, 20'000, 1};

  private:
    class counting final : public lane_observer {
      public:
        std::map<std::string, int> retries;

      private:
        void stored(stored_batch const&) override {}
        void retried(std::string_view reason, result const&) override {
            ++retries[std::string{reason}];
        }
    };

    batch_entry blank() const {
        batch_entry entry;
        entry.catalog = catalog_.get();
        entry.source = &source_;
        entry.format = "cloudevents";
        return entry;
    }

    std::shared_ptr<rating::catalog const> catalog_;
    ingest::source source_;
    int pauses_left_ = 100;
    batch_writer writer_;
    counting observer_;
    lane_writer lane_;
    std::deque<std::string> details_;
};

} // namespace tally::storage
