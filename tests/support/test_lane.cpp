#include "tests/support/test_lane.hpp"

#include "rating/catalog/event_guide.hpp"
#include "rating/catalog/guide.hpp"
#include "storage/lane/isolation.hpp"
#include "tests/support/catalog_of.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace tally::tests {

namespace {

constexpr storage::partition_policy any_day{20'000, 20'000, 1};

/// The account of a payer; nil: there is no payer.
ingest::uuid account_of(rating::guided const& payer, rating::catalog const& catalog) {
    return payer.error == ingest::record_error::none
               ? catalog.account_at(catalog.subscription_at(payer.subscription).account).id
               : ingest::uuid{};
}

void expect_live(std::vector<storage::batch_entry> const& entries) {
    for (auto const& entry : entries) {
        EXPECT_EQ(entry.state, storage::entry_state::live)
            << ingest::code(entry.reason) << ' ' << entry.detail;
    }
}

} // namespace

test_lane::test_lane(std::string const& database, std::int32_t number, std::size_t states_max)
    : test_lane{catalog_of(database),
                database,
                {.lane = number,
                 .daemon_id = {},
                 .usage_states_max = states_max,
                 .metric_states_max = states_max}} {}

test_lane::test_lane(std::shared_ptr<rating::catalog const> catalog, std::string const& database,
                     storage::lane_writer::options const& options)
    : database_{database}, catalog_{std::move(catalog)}, store_{database, "test lane", any_day},
      lane_{store_, options, observer_,
            [this](std::chrono::milliseconds) { return --attempts_left_ > 0; }} {
    source_.id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000001");
}

void test_lane::reload() {
    catalog_ = catalog_of(database_);
}

std::vector<storage::batch_entry>
test_lane::entries_of(std::vector<ingest::cdr> const& calls,
                      std::vector<ingest::event> const& events) const {
    storage::batch_entry blank;
    blank.catalog = catalog_.get();
    blank.source = &source_;
    std::vector<storage::batch_entry> entries;

    blank.format = "canonical";
    for (auto const& call : calls) {
        auto const payer = rating::guide(call, *catalog_);
        entries.emplace_back(blank).take(call, payer, account_of(payer, *catalog_));
    }

    blank.format = "cloudevents";
    for (auto const& event : events) {
        entries.emplace_back(blank).take(event, rating::guide(event, *catalog_));
    }
    return entries;
}

bool test_lane::store_entries(std::span<storage::batch_entry> entries,
                              ingest::uuid const& import_id) {
    std::deque<std::span<storage::batch_entry>> parts{entries};
    while (!parts.empty()) {
        auto const part = parts.front();
        parts.pop_front();
        switch (lane_.store(part, import_id, 100)) {
        case storage::store_end::stored:
            break;
        case storage::store_end::outdated:
        case storage::store_end::given_up:
            return false;
        case storage::store_end::poisoned: {
            auto const divided = storage::divide(part, lane_.culprit());
            parts.insert(parts.end(), divided.innocent.begin(), divided.innocent.end());
            parts.insert(parts.end(), divided.suspect.begin(), divided.suspect.end());
            break;
        }
        }
    }
    return true;
}

std::vector<storage::batch_entry> test_lane::store(std::vector<ingest::cdr> const& calls,
                                                   std::vector<ingest::event> const& events) {
    auto entries = entries_of(calls, events);
    EXPECT_TRUE(store_entries(entries));

    // The lane keeps these details only until its next batch.
    for (auto& entry : entries) {
        entry.detail = details_.emplace_back(entry.detail);
    }
    return entries;
}
std::vector<storage::batch_entry> test_lane::store(std::vector<ingest::event> const& events) {
    return store(std::vector<ingest::cdr>{}, events);
}

void test_lane::store_all(std::vector<ingest::cdr> const& calls) {
    expect_live(store(calls));
}
void test_lane::store_all(std::vector<ingest::event> const& events) {
    expect_live(store(events));
}

} // namespace tally::tests
