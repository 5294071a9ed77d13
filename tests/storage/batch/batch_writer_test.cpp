#include "tests/storage/batch/batch_fixture.hpp"

namespace {

using namespace tally;
using namespace tally::tests;
using storage::batch_writer;
using storage::failure;

class writer : public batch_fixture {
  protected:
    void SetUp() override {
        batch_fixture::SetUp();
        lane = std::make_unique<batch_writer>(database, "tallyd test lane", any_day);
        make_partition(*lane);
    }
    storage::result commit(storage::batch const& rows) { return lane->commit(rows, counts); }
    void expect_committed(storage::batch const& rows) {
        auto const status = commit(rows);
        EXPECT_TRUE(status.ok()) << status.sqlstate << ' ' << status.detail;
    }

    storage::commit_counts counts;
    std::unique_ptr<batch_writer> lane;
};

TEST_F(writer, stores_every_column_of_a_call) {
    auto call = calls.call(1, 1, "+44 20 7123", 42, call_maker::base + 123'456);
    call.answer = call.start + 2'500'000;
    call.duration_ms = 42'999;
    call.billsec_ms = 39'500;
    call.metadata = R"({"b": 1, "a": "ü"})";
    auto batch = new_batch();
    add_call(batch, call, 1, 1'700'000'001);
    expect_committed(batch);
    row("billing.cdrs")
        .has("account_id", ingest::to_string(account_id(1)))
        .has("subscription_id", ingest::to_string(subscription_id(1)))
        .has("uuid", "ca000000-0000-0000-0000-000000000001")
        .has("source_id", "00000000-0000-7000-8000-000000000001")
        .has("batch_id", ingest::to_string(batch.id))
        .has("caller_id", "1000")
        .has("destination", "+44 20 7123")
        .has("direction", "outbound")
        .has("call_type", "international")
        .has("start_time", "2026-05-04 10:00:00+00")
        .has("answer_time", "2026-05-04 10:00:02.623456+00")
        .has("end_time", "2026-05-04 10:00:42.123456+00")
        .has("duration", "42")
        .has("billsec", "39")
        .has("billable_seconds", "42")
        .has("billed_seconds", "60")
        .has("allowance_seconds", "0")
        .has("matched_prefix", "44")
        .has("rate_id", "00000000-0000-7000-8000-000000000d03")
        .has("rate_per_minute", "1.200000000")
        .has("connect_fee", "0.500000000")
        .has("cost", "1.700000001")
        .has("currency", "INR")
        .has("hangup_cause", "NORMAL_CLEARING")
        .has("processing_status", "rated")
        .has("metadata", R"({"a": "ü", "b": 1})")
        .has("created_at", "2026-05-04 10:00:05+00")
        .has_no_more();
}

TEST_F(writer, stores_an_unanswered_call_that_no_rate_matches_with_nulls) {
    auto batch = one_call(1, 1, 0);
    auto& rated = batch.calls.front().rated;
    kept.back().answer = ingest::never_us;
    kept.back().hangup_cause = {};
    rated = {};
    rated.zero_rated = true;
    expect_committed(batch);
    row("billing.cdrs")
        .has_null("answer_time")
        .has_null("hangup_cause")
        .has_null("matched_prefix")
        .has_null("rate_id")
        .has_null("rate_per_minute")
        .has_null("call_type")
        .has_null("metadata")
        .has("cost", "0.000000000")
        .has("processing_status", "zero_rated");
}

TEST_F(writer, keeps_the_empty_prefix_apart_from_no_prefix) {
    rate.prefix = "";
    expect_committed(one_call(1, 1, 5));
    row("billing.cdrs").has("matched_prefix", "");
}

TEST_F(writer, moves_usage_balance_and_day_by_the_exact_sums) {
    auto first = new_batch();
    for (std::uint32_t i = 0; i < 30; ++i) {
        add_call(first, calls.call(i, 1 + i % 3, "442071234567", 42), 1 + static_cast<int>(i % 3),
                 1'000'000'000 + i);
    }
    expect_committed(first);
    auto second = new_batch();
    for (std::uint32_t i = 30; i < 60; ++i) {
        add_call(second, calls.call(i, 1 + i % 4, "442071234567", 42), 1 + static_cast<int>(i % 4),
                 -3, i % 4 == 3 ? 0 : 1);
    }
    expect_committed(second);
    auto const sums = four_sums(database);
    EXPECT_EQ(sums, std::vector<std::string>(4, "30.000000345"));
    EXPECT_EQ(ask("SELECT string_agg(version::text, ',' ORDER BY version) FROM"
                  " billing.subscription_usage"),
              "1,2,2,2");
    EXPECT_EQ(ask("SELECT sum(calls_count) || ' ' || sum(seconds_used) || ' ' ||"
                  " max(last_usage_at) FROM billing.subscription_usage"),
              "60 3600 2026-05-04 10:00:42+00");
    EXPECT_EQ(ask("SELECT sum(events) || ' ' || sum(quantity) || ' ' || sum(billable_quantity) ||"
                  " ' ' || min(day) FROM analytics.usage_aggregates_daily"),
              "60 2520.000000000 3600.000000000 2026-05-04");
    EXPECT_EQ(ask("SELECT string_agg(received || '/' || committed || '/' || duplicate || '/' ||"
                  " suspended || '/' || cost || '/' || bytes, ' ' ORDER BY created_at)"
                  " FROM ingest.batches"),
              "30/30/0/0/30.000000435/77 30/30/0/0/-0.000000090/77");
}

TEST_F(writer, sums_beyond_64_bits_of_nanos_are_exact) {
    auto batch = one_call(1, 1, 1);
    rating::amount_sum huge{static_cast<rating::int128>(INT64_MAX) * 1000 + 1};
    batch.usage[0].total_cost = huge;
    batch.balances[0].charge = huge;
    batch.daily[0].cost = huge;
    expect_committed(batch);
    EXPECT_EQ(ask("SELECT total_cost FROM billing.subscription_usage"), "9223372036854.775807001");
    EXPECT_EQ(ask("SELECT 100 - min(balance) FROM billing.accounts"), "9223372036854.775807001");
    EXPECT_EQ(ask("SELECT cost FROM analytics.usage_aggregates_daily"), "9223372036854.775807001");
}

TEST_F(writer, refuses_a_stored_call_and_says_which) {
    expect_committed(one_call(7, 2, 1'000'000'000));
    auto again = new_batch();
    add_call(again, calls.call(8, 2, "44", 42), 2, 1, 1);
    add_call(again, calls.call(7, 2, "44", 42), 2, 1, 1);
    EXPECT_EQ(commit(again).reason, failure::duplicate);
    EXPECT_EQ(counts.refused_call, 1U);
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), "1");
    EXPECT_EQ(four_sums(database), std::vector<std::string>(4, "1.000000000"));
    // The writer can store the next batch.
    expect_committed(one_call(9, 2, 1, 1));
}

TEST_F(writer, refuses_a_usage_row_of_another_version) {
    expect_committed(one_call(1, 1, 1));
    EXPECT_EQ(commit(one_call(2, 1, 1, 0)).reason, failure::stale); // the row exists by now
    EXPECT_EQ(commit(one_call(2, 1, 1, 2)).reason, failure::stale); // the row has a lower version
    EXPECT_EQ(commit(one_call(2, 2, 1, 4)).reason,
              failure::stale); // a row is expected, but there is none
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), "1");
    EXPECT_EQ(ask("SELECT count(*) FROM billing.subscription_usage"), "1");
    expect_committed(one_call(2, 1, 1, 1));
}

TEST_F(writer, one_stale_usage_row_of_many_undoes_all) {
    expect_committed(one_call(1, 1, 0));
    auto batch = new_batch();
    add_call(batch, calls.call(2, 1, "44", 42), 1, 1, 5);
    add_call(batch, calls.call(3, 2, "44", 42), 2, 1, 0);
    EXPECT_EQ(commit(batch).reason, failure::stale);
    EXPECT_EQ(ask("SELECT count(*) FROM billing.subscription_usage"), "1");
    EXPECT_EQ(ask("SELECT sum(version) FROM billing.subscription_usage"), "1");
}

TEST_F(writer, refuses_calls_of_a_deleted_subscription) {
    auto batch = one_call(1, 1, 1);
    batch.usage[0].subscription_id = ingest::uuid_v7();
    auto const status = commit(batch);
    EXPECT_EQ(status.reason, failure::bad_data);
    EXPECT_EQ(status.sqlstate, "23503");
    expect_nothing_stored();
}

TEST_F(writer, a_subscription_with_a_call_cannot_be_deleted) {
    expect_committed(one_call(1, 1, 1));
    EXPECT_ANY_THROW(execute(database, "DELETE FROM billing.dids; DELETE FROM"
                                       " billing.subscriptions WHERE subscription_number='SUB-1'"));
}

TEST_F(writer, refuses_to_charge_an_account_that_is_not_there) {
    auto batch = one_call(1, 1, 1);
    batch.balances[0].account_id = ingest::uuid_v7();
    auto const status = commit(batch);
    EXPECT_EQ(status.reason, failure::bad_data);
    EXPECT_NE(status.detail.find("0 of 1 accounts exist"), std::string::npos) << status.detail;
    expect_nothing_stored();
}

TEST_F(writer, a_call_of_a_day_without_partition_is_bad_data) {
    auto batch = new_batch();
    add_call(batch, calls.call(1, 1, "44", 42), 1, 1);
    add_call(batch, calls.call(2, 1, "44", 42, call_maker::base + 86'400 * ingest::us_per_s), 1, 1);
    EXPECT_EQ(commit(batch).reason, failure::bad_data);
    EXPECT_EQ(counts.refused_call, 1U);
    expect_nothing_stored();
}

TEST_F(writer, text_that_postgresql_refuses_is_bad_data_and_named) {
    std::string const nul{"a\0b", 3};
    for (std::string_view const hostile : {std::string_view{nul}, std::string_view{"\xff\xfe"}}) {
        auto batch = new_batch();
        add_call(batch, calls.call(1, 1, "44", 42), 1, 1);
        add_call(batch, calls.call(2, 1, "44", 42), 1, 1);
        add_call(batch, calls.call(3, 2, "44", 42), 2, 1);
        kept[kept.size() - 2].caller_id = hostile;
        EXPECT_EQ(commit(batch).reason, failure::bad_data);
        EXPECT_EQ(counts.refused_call, 1U);
    }
    auto batch = one_call(1, 1, 1);
    kept.back().metadata = R"({"a": "\u0000"})";
    EXPECT_EQ(commit(batch).reason, failure::bad_data);
    kept.back().metadata = "{broken";
    EXPECT_EQ(commit(batch).reason, failure::bad_data);
    expect_nothing_stored();
}

TEST_F(writer, hostile_but_valid_text_is_stored_as_it_is) {
    auto batch = one_call(1, 1, 1);
    std::string const caller = "'; DROP TABLE billing.cdrs; --\t\n\\N\\.\r\"\xF0\x9F\x93\x9E";
    std::string const large(100'000, 'x');
    kept.back().caller_id = caller;
    kept.back().destination = large;
    expect_committed(batch);
    EXPECT_EQ(ask("SELECT caller_id FROM billing.cdrs"), caller);
    EXPECT_EQ(ask("SELECT destination FROM billing.cdrs"), large);
}

TEST_F(writer, suspense_keeps_a_payload_once) {
    auto batch = new_batch();
    std::string const binary{"\0\xff raw", 6};
    batch.suspense = {
        {ingest::record_error::no_rate, "no rate for 99", local_source, "canonical", "payload one"},
        {ingest::record_error::bad_uuid, "", local_source, "asterisk", binary},
        {ingest::record_error::no_rate, "", local_source, "canonical", "payload one"},
        {ingest::record_error::no_rate, "", local_source, "asterisk", "payload one"}};
    for (auto& row : batch.suspense) {
        row.received = batch.opened;
    }
    expect_committed(batch);
    EXPECT_EQ(counts.suspended, 3U);
    EXPECT_EQ(ask("SELECT received || ' ' || committed || ' ' || duplicate || ' ' || suspended"
                  " FROM ingest.batches WHERE first_start_time IS NULL"),
              "4 0 1 3");
    EXPECT_EQ(rows("SELECT reason, coalesce(detail, '-'), format, encode(payload, 'hex'), state,"
                   " received_at, payload_sha256 = sha256(format::bytea || '\\x00' || payload)"
                   " FROM ingest.suspense ORDER BY reason, format"),
              (std::vector<std::string>{
                  "bad_uuid|-|asterisk|00ff20726177|waiting|2026-05-04 10:00:05+00|t",
                  "no_rate|-|asterisk|7061796c6f6164206f6e65|waiting|2026-05-04 10:00:05+00|t",
                  "no_rate|no rate for "
                  "99|canonical|7061796c6f6164206f6e65|waiting|2026-05-04 10:00:05+00|t"}));
    batch.id = ingest::uuid_v7();
    expect_committed(batch);
    EXPECT_EQ(counts.suspended, 0U);
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense"), "3");
}

TEST_F(writer, much_suspense_takes_several_statements) {
    std::deque<std::string> payloads;
    auto batch = new_batch();
    for (int i = 0; i < 9; ++i) {
        auto& text = payloads.emplace_back(4 << 20, static_cast<char>('a' + i));
        batch.suspense.push_back(
            {ingest::record_error::no_rate, "", local_source, "canonical", text});
    }
    expect_committed(batch);
    EXPECT_EQ(counts.suspended, 9U);
    EXPECT_EQ(ask("SELECT sum(octet_length(payload)) FROM ingest.suspense"), "37748736");
}

TEST_F(writer, loads_usage_in_the_order_of_the_keys) {
    auto batch = one_call(1, 1, 1);
    batch.usage[0].included_seconds = 17;
    expect_committed(batch);
    std::array const keys{storage::usage_key{subscription_id(2), period_start},
                          storage::usage_key{subscription_id(1), period_start},
                          storage::usage_key{subscription_id(1), period_end}};
    std::vector<storage::usage_state> states;
    ASSERT_TRUE(lane->load_usage(keys, states).ok());
    ASSERT_EQ(states.size(), 3U);
    EXPECT_EQ(states[0].version, 0);
    EXPECT_EQ(states[1].version, 1);
    EXPECT_EQ(states[1].included_seconds_used, 17);
    EXPECT_EQ(states[2].version, 0);
}

TEST_F(writer, finds_stored_calls_over_several_days) {
    auto const next_day = call_maker::base + 86'400 * ingest::us_per_s;
    std::array const days{static_cast<std::int32_t>(next_day / (86'400 * ingest::us_per_s))};
    std::vector<std::int32_t> refused;
    ASSERT_TRUE(lane->ensure_cdr_days(days, refused).ok());
    auto batch = new_batch();
    add_call(batch, calls.call(1, 1, "4420", 42), 1, 1);
    add_call(batch, calls.call(2, 1, "4421", 0, next_day + 3), 1, 1);
    expect_committed(batch);

    auto key = [&](std::uint32_t number, ingest::time_us start) {
        auto const call = calls.call(number, 1, "", 0, start);
        return storage::call_key{account_id(1), ingest::whole_second(start), call.id};
    };
    std::array const keys{key(2, next_day), key(3, next_day), key(1, call_maker::base),
                          key(1, next_day)};
    std::vector<storage::stored_call> found;
    ASSERT_TRUE(lane->stored_calls(keys, found).ok());
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].key, keys[2]);
    EXPECT_EQ(found[1].key, keys[0]);
    EXPECT_TRUE(ingest::same_content(found[0].as_cdr(), *batch.calls[0].call));
    EXPECT_TRUE(ingest::same_content(found[1].as_cdr(), *batch.calls[1].call));
    EXPECT_FALSE(ingest::same_content(found[0].as_cdr(), *batch.calls[1].call));
    EXPECT_EQ(found[1].answer, ingest::never_us);
}

TEST_F(writer, says_whether_a_batch_is_stored) {
    auto batch = one_call(1, 1, 1);
    auto const before = lane->is_committed(batch.id);
    ASSERT_TRUE(before.ok());
    EXPECT_FALSE(*before);
    expect_committed(batch);
    auto const after = lane->is_committed(batch.id);
    ASSERT_TRUE(after.ok());
    EXPECT_TRUE(*after);
}

TEST_F(writer, the_same_batch_again_is_unknown_until_asked) {
    auto batch = new_batch();
    batch.duplicates = 1;
    expect_committed(batch);
    EXPECT_EQ(commit(batch).reason, failure::unknown);
    auto const stored = lane->is_committed(batch.id);
    ASSERT_TRUE(stored.ok());
    EXPECT_TRUE(*stored);
}

TEST_F(writer, shows_its_purpose) {
    EXPECT_EQ(ask("SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                  " 'tallyd test lane' AND datname = current_database()"),
              "1");
}

TEST_F(writer, a_cancelled_writer_takes_nothing_any_more) {
    lane->cancel();
    EXPECT_EQ(commit(one_call(1, 1, 1)).reason, failure::transient);
    expect_nothing_stored();
}

} // namespace
