#include "storage/lane/guided_records.hpp"

#include "ingest/formats/formats.hpp"
#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>

// From a decoded block to the entries of a batch: who pays, what waits, and what goes through one
// lane.

namespace tally::storage {
namespace {

using ingest::record_error;
using rating::tests::id_of;
using rating::tests::noon;

/// Accounts A and B with one contract each; B owns the number 442070001.
rating::catalog const& two_accounts() {
    static rating::catalog const built([] {
        rating::catalog_input input;
        input.plans = {std::make_shared<rating::tariff const>(rating::tests::plan_of({}))};
        input.accounts = {{{id_of(1)}, "A"}, {{id_of(2)}, "B"}};
        for (std::uint8_t i = 0; i < 2; ++i) {
            rating::subscription contract;
            contract.id = id_of(static_cast<std::uint8_t>(10 + i));
            contract.account = i;
            contract.plan = 0;
            input.subscriptions.push_back({contract, i == 0 ? "S-A" : "S-B"});
        }
        input.dids = {{"442070001", 1}};
        return input;
    }());
    return built;
}

class guided_records_test : public ::testing::Test {
  protected:
    guided_records_test() {
        sender_->id = id_of(7);
        block_.sender = sender_;
        block_.in_format = ingest::find_format("canonical");
        block_.received = noon + 1;
    }
    void add_call(std::string_view account, std::string_view caller, std::string_view raw) {
        auto call = rating::tests::call_of(60);
        call.account_number = account;
        call.caller_id = caller;
        call.raw = raw;
        auto& batch = block_.batch;
        batch.cdr_index.push_back(batch.received());
        batch.cdrs.push_back(call);
    }
    void add_event(std::string_view account, std::string_view entity, std::uint8_t id) {
        ingest::event event;
        event.kind = ingest::event_kind::api_request;
        event.id = id_of(id);
        event.account_number = account;
        if (!entity.empty()) {
            event.event_data = ingest::entity_data{entity};
        }
        auto& batch = block_.batch;
        batch.event_index.push_back(batch.received());
        batch.events.push_back(event);
    }
    guided_records guide() { return {block_, two_accounts()}; }

    std::shared_ptr<ingest::source> sender_ = std::make_shared<ingest::source>();
    ingest::record_block block_;
};

TEST_F(guided_records_test, an_entry_has_its_payer_and_its_blocks_context) {
    add_call("B", "1", "raw of the call");
    auto const records = guide();
    ASSERT_EQ(records.size(), 1U);
    auto const entry = records.entry(0, 42);
    EXPECT_EQ(entry.state, entry_state::live);
    EXPECT_EQ(entry.call, &block_.batch.cdrs[0]);
    EXPECT_EQ(entry.account_id, id_of(2));
    EXPECT_EQ(entry.call_owner.subscription, 1U);
    EXPECT_EQ(entry.source, sender_.get());
    EXPECT_EQ(entry.format, "canonical");
    EXPECT_EQ(entry.raw, "raw of the call");
    EXPECT_EQ(entry.received, noon + 1);
    EXPECT_EQ(entry.owner, 42U);
    EXPECT_EQ(entry.catalog, &two_accounts());
}

TEST_F(guided_records_test, a_call_without_a_payer_is_suspended) {
    add_call("Z", "1", "raw");
    auto const entry = guide().entry(0);
    EXPECT_EQ(entry.state, entry_state::suspended);
    EXPECT_EQ(entry.reason, record_error::unknown_account);
    EXPECT_TRUE(entry.account_id.is_nil());
    EXPECT_FALSE(entry.is_orphan());
}

TEST_F(guided_records_test, an_earlier_decision_holds_against_the_catalog) {
    add_call("B", "1", "raw");
    block_.decided.set(0, {.account_id = id_of(1), .subscription_id = id_of(10)});
    EXPECT_EQ(guide().entry(0).account_id, id_of(1));
}

TEST_F(guided_records_test, a_decided_payer_that_is_gone_leaves_an_orphan) {
    add_call("B", "1", "raw");
    block_.decided.set(0, {.account_id = id_of(9), .subscription_id = id_of(99)});
    auto const entry = guide().entry(0);
    EXPECT_TRUE(entry.is_orphan()) << "it may be stored already, under the account that is gone";
    EXPECT_EQ(entry.account_id, id_of(9));
}

TEST_F(guided_records_test, applies_the_number_rules_of_the_source) {
    sender_->numbers.national_prefix = "0";
    sender_->numbers.country_code = "44";
    sender_->numbers.short_digits_max = 3;
    add_call("", "02070001", "raw");
    auto const entry = guide().entry(0);
    EXPECT_EQ(entry.state, entry_state::live);
    EXPECT_EQ(entry.account_id, id_of(2)) << "found by its number in E.164";
    EXPECT_EQ(entry.call->sent_caller_id, "02070001");
}

TEST_F(guided_records_test, calls_come_before_events_and_those_before_rejected_records) {
    add_event("A", "", 50);
    add_call("A", "1", "raw of the call");
    block_.batch.rejected = {
        {2, record_error::not_json, {}, "told to the sender", "bad", false},
        {3, record_error::unknown_type, {}, "no such type", "kept", true},
    };
    auto const records = guide();
    ASSERT_EQ(records.size(), 3U);
    EXPECT_TRUE(records.entry(0).is_live_call());
    EXPECT_TRUE(records.entry(1).is_live_event());
    auto const kept = records.entry(2);
    EXPECT_EQ(kept.state, entry_state::suspended);
    EXPECT_EQ(kept.reason, record_error::unknown_type);
    EXPECT_EQ(kept.detail, "no such type");
    EXPECT_EQ(kept.raw, "kept");
}

TEST_F(guided_records_test, a_switchs_rejected_records_all_go_into_suspense) {
    block_.suspend_rejected = true;
    block_.batch.rejected = {{0, record_error::not_json, {}, {}, "bad", false}};
    ASSERT_EQ(guide().size(), 1U);
    EXPECT_EQ(guide().entry(0).raw, "bad");
}

TEST_F(guided_records_test, records_of_one_account_go_through_one_lane) {
    add_call("B", "1", "one");
    add_call("", "442070001", "another");
    add_call("A", "1", "of another account");
    add_event("B", "", 50);
    auto const records = guide();
    EXPECT_EQ(records.lane_hash(0), records.lane_hash(1));
    EXPECT_EQ(records.lane_hash(0), records.lane_hash(3));
    EXPECT_NE(records.lane_hash(0), records.lane_hash(2));
}

TEST_F(guided_records_test, other_records_go_by_what_they_change_or_by_their_bytes) {
    add_call("Z", "1", "raw");
    add_call("Z", "2", "raw");
    add_call("Z", "1", "other");
    add_event("", "LICENSE-1", 50);
    add_event("", "LICENSE-1", 51);
    add_event("", "", 52);
    add_event("", "", 53);
    auto const records = guide();
    EXPECT_EQ(records.lane_hash(0), records.lane_hash(1)) << "a repeated record meets the first";
    EXPECT_NE(records.lane_hash(0), records.lane_hash(2));
    EXPECT_EQ(records.lane_hash(3), records.lane_hash(4));
    EXPECT_NE(records.lane_hash(5), records.lane_hash(6));
}

} // namespace
} // namespace tally::storage
