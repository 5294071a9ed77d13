#pragma once

#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/lane/lane_writer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// A lane as in another daemon, with its own connection and caches, and without the daemon's waits.
/// Makes the entries of calls and events by the catalog that it loaded.
///
///     test_lane lane{database};
///     auto const entries = lane.store({make.call(1, 1, "4420", 60)});
///     EXPECT_EQ(entries[0].state, storage::entry_state::live);
class test_lane {
  public:
    /// Remembers at most `states_max` usage rows and as many metrics. Throws as catalog_of().
    explicit test_lane(std::string const& database, std::int32_t number = 0,
                       std::size_t states_max = 1000);
    /// A lane whose database need not be there.
    test_lane(std::shared_ptr<rating::catalog const> catalog, std::string const& database,
              storage::lane_writer::options const& options);

    /// Loads the catalog again, which may have changed.
    void reload();
    /// Later entries come from this source instead of "local".
    void set_source(ingest::uuid const& id) { source_.id = id; }
    /// Lets the lane give up after so many failed attempts.
    void set_attempts(int count) { attempts_left_ = count; }

    /// Entries of the calls, then of the events. They view both.
    [[nodiscard]] std::vector<storage::batch_entry>
    entries_of(std::vector<ingest::cdr> const& calls,
               std::vector<ingest::event> const& events = {}) const;
    /// Stores as a lane of the daemon does: a batch that the database refuses is divided until the
    /// bad entries are found. False: gave up.
    [[nodiscard]] bool store_entries(std::span<storage::batch_entry> entries,
                                     ingest::uuid const& import_id = {});
    /// The outcome of each call and each event, whose records must no longer be looked at.
    std::vector<storage::batch_entry> store(std::vector<ingest::cdr> const& calls,
                                            std::vector<ingest::event> const& events = {});
    std::vector<storage::batch_entry> store(std::vector<ingest::event> const& events);
    /// Expects none of them to be a duplicate or suspended.
    void store_all(std::vector<ingest::cdr> const& calls);
    void store_all(std::vector<ingest::event> const& events);

    [[nodiscard]] storage::lane_writer& writer() noexcept { return lane_; }
    [[nodiscard]] rating::catalog const& catalog() const noexcept { return *catalog_; }
    /// Transactions that were committed.
    [[nodiscard]] int batches() const noexcept { return observer_.batches; }
    /// Attempts that were repeated, by reason ("stale"...).
    [[nodiscard]] std::map<std::string, int> const& retries() const noexcept {
        return observer_.retries;
    }
    [[nodiscard]] int retries_of(std::string const& reason) const {
        auto const found = retries().find(reason);
        return found == retries().end() ? 0 : found->second;
    }

  private:
    class counting_observer final : public storage::lane_observer {
      public:
        int batches = 0;
        std::map<std::string, int> retries;

      private:
        void stored(storage::stored_batch const&) override { ++batches; }
        void retried(std::string_view reason, storage::result const&) override {
            ++retries[std::string{reason}];
        }
    };

    std::string database_;
    std::shared_ptr<rating::catalog const> catalog_;
    ingest::source source_;
    int attempts_left_ = 100;
    storage::batch_writer store_;
    counting_observer observer_;
    storage::lane_writer lane_;
    std::deque<std::string> details_; ///< which the entries of store() view
};

} // namespace tally::tests
