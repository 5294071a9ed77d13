#include "storage/lane/entry_batch.hpp"

#include "tests/rating/rater/builders.hpp"
#include "tests/storage/lane/empty_store.hpp"

#include <gtest/gtest.h>

#include <deque>

// Entries to the rows of one transaction, and which usage rows are read for it. The database is one
// of the test that counts what it is asked.

namespace tally::storage {
namespace {

using ingest::record_error;
using rating::tests::id_of;
using rating::tests::money;
using rating::tests::noon;

class counting_store final : public tests::empty_store {
  public:
    std::int64_t version = 3;             ///< of each usage row
    std::vector<std::size_t> usage_reads; ///< numbers of keys
    std::size_t locked_rows = 0;
    int roll_backs = 0;
    bool reads_fail = false;

    result load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out) override {
        usage_reads.push_back(keys.size());
        out.assign(keys.size(), {.version = version, .included_seconds_used = 30});
        return reads_fail ? result{failure::transient, "08006", "away"} : result{};
    }
    result lock_rows(std::span<usage_delta const> usage,
                     std::span<metric_row const> /*metrics*/) override {
        locked_rows += usage.size();
        return {};
    }
    void roll_back() noexcept override { ++roll_backs; }
};

/// Two subscriptions of one account, at 0.06 per minute and with an allowance of 60 s.
std::unique_ptr<rating::catalog const> two_subscriptions() {
    rating::tariff::header head;
    head.code = "plan";
    head.time_zone = "UTC";
    head.included_s = 60;
    std::vector<rating::rate> rates;
    rates.push_back(rating::tests::rate_of("44", {rating::tests::step(0, "0.06", 60, 1)}));
    rates.back().allowance = true;
    rating::catalog_input input;
    input.plans.push_back(std::make_shared<rating::tariff const>(head, std::move(rates)));
    input.accounts = {{{id_of(1)}, "A"}};
    for (std::uint8_t i = 0; i < 2; ++i) {
        rating::subscription contract;
        contract.id = id_of(static_cast<std::uint8_t>(10 + i));
        contract.account = 0;
        contract.plan = 0;
        contract.anchor = rating::tests::utc(2026, 1, 1);
        input.subscriptions.push_back({contract, "S-" + std::to_string(i)});
    }
    return std::make_unique<rating::catalog const>(std::move(input));
}

class entry_batch_test : public ::testing::Test {
  protected:
    /// A live call of a subscription.
    batch_entry call(rating::catalog_index subscription,
                     std::string_view destination = "+442071838750") {
        auto& made = calls_.emplace_back(rating::tests::call_of(60));
        made.id = id_of(static_cast<std::uint8_t>(calls_.size()));
        made.destination = destination;
        batch_entry entry;
        entry.take(made, rating::guided{subscription}, id_of(1));
        entry.catalog = catalog_.get();
        entry.source = &source_;
        return entry;
    }
    /// One batch from its entries to its rows.
    void fill(std::vector<batch_entry>& entries, states_of states = states_of::memory) {
        rows_.begin(entries, states);
        ASSERT_TRUE(rows_.load(store_).ok());
        rows_.rate(out_);
    }

    std::unique_ptr<rating::catalog const> catalog_ = two_subscriptions();
    ingest::source source_;
    std::deque<ingest::cdr> calls_;
    counting_store store_;
    entry_batch rows_;
    batch out_;
};

TEST_F(entry_batch_test, rates_calls_on_the_states_that_it_reads) {
    std::vector entries{call(0), call(0), call(1)};
    fill(entries);
    EXPECT_EQ(store_.usage_reads, std::vector<std::size_t>{2}) << "one key per subscription";
    EXPECT_EQ(store_.locked_rows, 0U);

    // 30 of 60 s are left to each subscription; a second costs 0.001.
    ASSERT_EQ(out_.calls.size(), 3U);
    EXPECT_EQ(to_string(out_.calls[0].rated.cost), "0.03");
    EXPECT_EQ(to_string(out_.calls[1].rated.cost), "0.06");
    EXPECT_EQ(to_string(out_.calls[2].rated.cost), "0.03");
    ASSERT_EQ(out_.usage.size(), 2U);
    EXPECT_EQ(out_.usage[0].expected_version, 3);
    ASSERT_EQ(out_.balances.size(), 1U);
    EXPECT_EQ(to_string(out_.balances[0].charge), "0.12");
}

TEST_F(entry_batch_test, remembers_what_a_committed_batch_left) {
    std::vector first{call(0)};
    fill(first);
    rows_.written();

    std::vector second{call(0)};
    fill(second);
    EXPECT_EQ(store_.usage_reads.size(), 1U);
    EXPECT_EQ(out_.usage.at(0).expected_version, 4);
    EXPECT_EQ(to_string(out_.calls.at(0).rated.cost), "0.06") << "the allowance is used up";
}

TEST_F(entry_batch_test, reads_again_what_was_stale) {
    std::vector entries{call(0), call(1)};
    fill(entries);
    rows_.forget();
    store_.version = 8;
    fill(entries);
    EXPECT_EQ(store_.usage_reads, (std::vector<std::size_t>{2, 2}));
    EXPECT_EQ(out_.usage.at(0).expected_version, 8);
}

TEST_F(entry_batch_test, reads_all_again_in_a_new_session) {
    std::vector first{call(0)};
    fill(first);
    rows_.written();
    rows_.forget_all();
    std::vector second{call(0)};
    fill(second);
    EXPECT_EQ(store_.usage_reads.size(), 2U);
}

TEST_F(entry_batch_test, locks_and_reads_all_rows_and_remembers_none_before_commit) {
    std::vector entries{call(0), call(1)};
    fill(entries);
    rows_.written();
    fill(entries, states_of::locked_rows);
    EXPECT_EQ(store_.locked_rows, 2U);
    EXPECT_EQ(store_.usage_reads, (std::vector<std::size_t>{2, 2}));
    EXPECT_TRUE(rows_.moves_all());

    // Not committed: the memory still has what the batch before left.
    store_.version = 9;
    fill(entries);
    EXPECT_EQ(store_.usage_reads.size(), 2U);
    EXPECT_EQ(out_.usage.at(0).expected_version, 4);
}

TEST_F(entry_batch_test, releases_the_locks_when_the_rows_cannot_be_read) {
    store_.reads_fail = true;
    std::vector entries{call(0)};
    rows_.begin(entries);
    EXPECT_FALSE(rows_.load(store_).ok());
    EXPECT_EQ(store_.roll_backs, 0) << "nothing is locked";
    rows_.begin(entries, states_of::locked_rows);
    EXPECT_FALSE(rows_.load(store_).ok());
    EXPECT_EQ(store_.roll_backs, 1);
}

TEST_F(entry_batch_test, suspends_a_call_without_a_rate_which_moves_nothing) {
    std::vector entries{call(0), call(1, "+9900")};
    entries[1].suspense_id = id_of(77);
    fill(entries, states_of::locked_rows);
    EXPECT_EQ(entries[1].state, entry_state::suspended);
    EXPECT_EQ(out_.calls.size(), 1U);
    ASSERT_EQ(out_.suspense.size(), 1U);
    EXPECT_EQ(out_.suspense[0].reason, record_error::no_rate);
    EXPECT_TRUE(out_.resolved.empty()) << "it still waits";
    EXPECT_FALSE(rows_.moves_all()) << "the second row gains nothing";
}

TEST_F(entry_batch_test, resolves_the_retried_records_that_it_stores) {
    std::vector entries{call(0), call(1)};
    entries[1].suspense_id = id_of(77);
    fill(entries);
    EXPECT_EQ(out_.resolved, std::vector{id_of(77)});
    EXPECT_TRUE(out_.suspense.empty());
}

TEST_F(entry_batch_test, leaves_detail_and_time_out_of_a_bare_suspense_row) {
    std::vector entries{call(0), call(0)};
    for (auto& entry : entries) {
        entry.suspend(record_error::database_refused, "detail");
        entry.received = noon;
    }
    entries[1].is_bare = true;
    out_.opened = noon + 1;
    fill(entries);
    ASSERT_EQ(out_.suspense.size(), 2U);
    EXPECT_EQ(out_.suspense[0].detail, "detail");
    EXPECT_EQ(out_.suspense[0].received, noon);
    EXPECT_EQ(out_.suspense[1].detail, "");
    EXPECT_EQ(out_.suspense[1].received, noon + 1);
}

} // namespace
} // namespace tally::storage
