#include "storage/lane/duplicate_filter.hpp"

#include "tests/rating/rater/builders.hpp"
#include "tests/storage/lane/empty_store.hpp"

#include <gtest/gtest.h>

#include <deque>

// Which records are stored already, by a database of the test that counts what it is asked.

namespace tally::storage {
namespace {

using ingest::record_error;
using rating::tests::id_of;
using rating::tests::noon;

class asked_store final : public tests::empty_store {
  public:
    std::vector<stored_call> calls;
    std::vector<stored_event> events;
    std::vector<std::size_t> call_questions; ///< numbers of keys
    std::vector<std::size_t> event_questions;
    bool is_away = false;

    result stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out) override {
        call_questions.push_back(keys.size());
        out.clear();
        for (auto const& stored : calls) {
            if (std::ranges::find(keys, stored.key) != keys.end()) {
                out.push_back(stored);
            }
        }
        return answer();
    }
    result stored_events(std::span<ingest::uuid const> ids,
                         std::vector<stored_event>& out) override {
        event_questions.push_back(ids.size());
        out.clear();
        for (auto const& stored : events) {
            if (std::ranges::find(ids, stored.id) != ids.end()) {
                out.push_back(stored);
            }
        }
        return answer();
    }

  private:
    [[nodiscard]] result answer() const {
        return is_away ? result{failure::transient, "08006", "away"} : result{};
    }
};

class duplicate_filter_test : public ::testing::Test {
  protected:
    /// A live call; calls of one number and account have one key.
    batch_entry call(std::uint8_t number, std::uint8_t account = 1,
                     std::string_view destination = "4420") {
        auto& made = calls_.emplace_back(rating::tests::call_of(60));
        made.id = id_of(number);
        made.destination = destination;
        batch_entry entry;
        entry.take(made, rating::guided{0}, id_of(account));
        entry.key_hash = key_hash_of(entry);
        return entry;
    }
    batch_entry event(std::uint8_t number, std::uint64_t content = 7) {
        auto& made = events_.emplace_back();
        made.id = id_of(number);
        made.content = content;
        batch_entry entry;
        entry.take(made, rating::guided_event{});
        entry.key_hash = key_hash_of(entry);
        return entry;
    }
    /// A row like this call's.
    static stored_call row_of(batch_entry const& entry) {
        auto const& call = *entry.call;
        stored_call row;
        row.key = entry.key();
        row.caller_id = call.caller_id;
        row.destination = call.destination;
        row.hangup_cause = call.hangup_cause;
        row.direction = call.direction;
        row.answer = call.answer;
        row.end = call.end;
        row.duration_s = call.duration_ms / 1000;
        row.billsec_s = call.billsec_ms / 1000;
        return row;
    }
    static void expect_conflict(batch_entry const& entry) {
        EXPECT_EQ(entry.state, entry_state::suspended);
        EXPECT_EQ(entry.reason, record_error::conflict);
    }

    std::deque<ingest::cdr> calls_;
    std::deque<ingest::event> events_;
    asked_store store_;
    duplicate_filter filter_{store_};
};

TEST_F(duplicate_filter_test, keeps_the_first_of_equal_records_of_a_batch) {
    std::vector entries{call(1), call(2), call(1), event(1), event(1), call(1, 2)};
    filter_.drop_repeats(entries);
    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_EQ(entries[1].state, entry_state::live);
    EXPECT_EQ(entries[2].state, entry_state::duplicate);
    EXPECT_EQ(entries[3].state, entry_state::live) << "an event is no call";
    EXPECT_EQ(entries[4].state, entry_state::duplicate);
    EXPECT_EQ(entries[5].state, entry_state::live) << "the same call of another account";
}

TEST_F(duplicate_filter_test, suspends_another_record_of_the_same_key) {
    std::vector entries{call(1), call(1, 1, "4930"), event(2, 7), event(2, 8)};
    filter_.drop_repeats(entries);
    EXPECT_EQ(entries[0].state, entry_state::live);
    expect_conflict(entries[1]);
    EXPECT_EQ(entries[2].state, entry_state::live);
    expect_conflict(entries[3]);
}

TEST_F(duplicate_filter_test, compares_with_live_records_only) {
    std::vector entries{call(1), call(1)};
    entries[0].suspend(record_error::no_rate);
    filter_.drop_repeats(entries);
    EXPECT_EQ(entries[1].state, entry_state::live);
}

TEST_F(duplicate_filter_test, forgets_the_batch_before) {
    std::vector first{call(1)};
    std::vector second{call(1)};
    filter_.drop_repeats(first);
    filter_.drop_repeats(second);
    EXPECT_EQ(second[0].state, entry_state::live);
}

TEST_F(duplicate_filter_test, asks_nothing_about_records_that_it_does_not_remember) {
    std::vector entries{call(1), event(2)};
    EXPECT_TRUE(filter_.drop_stored(entries).ok());
    EXPECT_TRUE(store_.call_questions.empty());
    EXPECT_TRUE(store_.event_questions.empty());
}

TEST_F(duplicate_filter_test, asks_about_what_it_remembers_and_the_database_decides) {
    std::vector stored{call(1), event(2), call(3)};
    stored[2].suspend(record_error::no_rate);
    filter_.remember(stored);
    store_.calls = {row_of(stored[0])};

    std::vector again{call(1), event(2), call(3), call(4)};
    EXPECT_TRUE(filter_.drop_stored(again).ok());
    EXPECT_EQ(store_.call_questions, std::vector<std::size_t>{1}) << "3 was not stored";
    EXPECT_EQ(store_.event_questions, std::vector<std::size_t>{1});
    EXPECT_EQ(again[0].state, entry_state::duplicate);
    EXPECT_EQ(again[1].state, entry_state::live) << "the memory alone drops nothing";
}

TEST_F(duplicate_filter_test, suspends_a_record_that_is_stored_with_other_content) {
    store_.calls = {row_of(call(1, 1, "4930"))};
    store_.events = {{id_of(2), 8}};
    std::vector entries{call(1), event(2, 7), event(3)};
    EXPECT_TRUE(filter_.drop_stored(entries, true).ok());
    expect_conflict(entries[0]);
    expect_conflict(entries[1]);
    EXPECT_EQ(entries[2].state, entry_state::live);
}

// The first of them in the batch is the one that conflicts with what is stored.
TEST_F(duplicate_filter_test, a_conflict_within_the_batch_may_repeat_what_is_stored) {
    std::vector entries{call(1, 1, "4930"), call(1)};
    filter_.drop_repeats(entries);
    expect_conflict(entries[1]);
    store_.calls = {row_of(call(1))};
    EXPECT_TRUE(filter_.drop_stored(entries, true).ok());
    expect_conflict(entries[0]);
    EXPECT_EQ(entries[1].state, entry_state::duplicate);
}

TEST_F(duplicate_filter_test, always_asks_about_a_call_whose_payer_is_gone) {
    auto orphan = call(1);
    orphan.suspend(record_error::unknown_subscription);
    store_.calls = {row_of(orphan)};
    std::vector entries{orphan};
    EXPECT_TRUE(filter_.drop_stored(entries).ok());
    EXPECT_EQ(entries[0].state, entry_state::duplicate);
}

TEST_F(duplicate_filter_test, asks_about_all_for_as_long_as_that_finds_something) {
    store_.calls = {row_of(call(1))};
    filter_.expect_stored();
    std::vector first{call(1), call(2)};
    EXPECT_TRUE(filter_.drop_stored(first).ok());
    std::vector second{call(3), call(4), call(5)};
    EXPECT_TRUE(filter_.drop_stored(second).ok());
    std::vector third{call(6)};
    EXPECT_TRUE(filter_.drop_stored(third).ok());
    EXPECT_EQ(store_.call_questions, (std::vector<std::size_t>{2, 3}));
}

TEST_F(duplicate_filter_test, leaves_the_records_as_they_are_when_the_database_does_not_answer) {
    store_.calls = {row_of(call(1))};
    store_.is_away = true;
    filter_.expect_stored();
    std::vector entries{call(1), event(2)};
    EXPECT_EQ(filter_.drop_stored(entries).reason, failure::transient);
    EXPECT_EQ(entries[0].state, entry_state::live);
    EXPECT_TRUE(store_.event_questions.empty());

    store_.is_away = false;
    EXPECT_TRUE(filter_.drop_stored(entries).ok()) << "it still asks about all";
    EXPECT_EQ(entries[0].state, entry_state::duplicate);
}

} // namespace
} // namespace tally::storage
