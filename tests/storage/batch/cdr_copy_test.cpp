#include "storage/batch/cdr_copy.hpp"

#include "tests/support/copy_row.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tally::storage {
namespace {

using tests::copy_field;
using namespace std::string_view_literals;

std::string_view constexpr metadata = R"({ "trunk":"a"})";

ingest::cdr answered_call() {
    ingest::cdr call;
    call.id.bytes.fill(3);
    call.caller_id = "+911";
    call.destination = "+922";
    call.start = 1'700'000'000'900'000;
    call.answer = 1'700'000'001'000'000;
    call.end = 1'700'000'002'000'000;
    call.duration_ms = 1100;
    call.billsec_ms = 1000;
    call.billable_ms = 1001;
    call.metadata = metadata;
    return call;
}

cdr_row row_of(ingest::cdr const& call) {
    cdr_row row;
    row.call = &call;
    row.account_id.bytes.fill(1);
    row.subscription_id.bytes.fill(2);
    row.source_id.bytes.fill(4);
    row.currency = {'E', 'U', 'R'};
    return row;
}

std::map<std::string, copy_field> values_of(cdr_row const& row) {
    batch rows;
    rows.id.bytes.fill(5);
    byte_buffer buffer;
    put_cdr_row(buffer, row, rows);
    return tests::copy_values(cdr_copy_sql(), buffer.view());
}

TEST(cdr_copy, writes_a_value_for_each_column_of_the_statement) {
    auto const call = answered_call();
    rating::rate rate;
    rate.id.bytes.fill(6);
    rate.prefix = "92";
    rate.call_type = "mobile";
    auto row = row_of(call);
    row.rated.charged_rate = &rate;
    row.rated.billed_s = 60;

    auto values = values_of(row);
    ASSERT_EQ(values.size(), 27u);
    EXPECT_EQ(values["account_id"], std::string(16, '\1'));
    EXPECT_EQ(values["subscription_id"], std::string(16, '\2'));
    EXPECT_EQ(values["uuid"], std::string(16, '\3'));
    EXPECT_EQ(values["source_id"], std::string(16, '\4'));
    EXPECT_EQ(values["batch_id"], std::string(16, '\5'));
    EXPECT_EQ(values["rate_id"], std::string(16, '\6'));
    EXPECT_EQ(values["caller_id"], "+911");
    EXPECT_EQ(values["destination"], "+922");
    EXPECT_EQ(values["direction"], "outbound");
    EXPECT_EQ(values["call_type"], "mobile");
    EXPECT_EQ(values["matched_prefix"], "92");
    EXPECT_EQ(values["duration"], "\0\0\0\1"sv);
    EXPECT_EQ(values["billsec"], "\0\0\0\1"sv);
    EXPECT_EQ(values["billable_seconds"], "\0\0\0\2"sv);
    EXPECT_EQ(values["billed_seconds"], "\0\0\0\x3c"sv);
    EXPECT_EQ(values["currency"], "EUR");
    EXPECT_EQ(values["hangup_cause"], std::nullopt);
    EXPECT_EQ(values["processing_status"], "rated");
    EXPECT_EQ(values["metadata"], "\1" + std::string{metadata});
}

TEST(cdr_copy, writes_null_where_a_call_has_no_value) {
    auto call = answered_call();
    call.answer = ingest::never_us;
    call.billable_ms = call.billsec_ms;
    call.metadata = {};
    auto row = row_of(call);
    row.rated.zero_rated = true;

    auto values = values_of(row);
    for (auto const* const column : {"call_type", "answer_time", "billable_seconds",
                                     "matched_prefix", "rate_id", "rate_per_minute", "metadata"}) {
        EXPECT_EQ(values.at(column), std::nullopt) << column;
    }
    EXPECT_EQ(values["processing_status"], "zero_rated");
}

// An empty prefix matches every number: it is a value, not a missing one.
TEST(cdr_copy, writes_the_empty_prefix_of_a_rate) {
    auto const call = answered_call();
    rating::rate const rate;
    auto row = row_of(call);
    row.rated.charged_rate = &rate;
    EXPECT_EQ(values_of(row)["matched_prefix"], "");
}

TEST(cdr_copy, writes_numbers_as_sent_before_the_own_metadata) {
    auto call = answered_call();
    auto const metadata_with = [&](std::string_view caller, std::string_view destination,
                                   std::string_view own) {
        call.sent_caller_id = caller;
        call.sent_destination = destination;
        call.metadata = own;
        return values_of(row_of(call)).at("metadata");
    };
    EXPECT_EQ(metadata_with("1", "2", R"({"a":1})"),
              "\1"
              R"({"sent_caller_id":"1","sent_destination":"2","a":1})");
    EXPECT_EQ(metadata_with("", "2", "{ }"), "\1"
                                             R"({"sent_destination":"2"})");
    EXPECT_EQ(metadata_with("\"\\\x1f", "", ""), "\1"
                                                 R"({"sent_caller_id":"\"\\\u001f"})");
}

TEST(cdr_copy, has_room_for_the_longest_texts) {
    std::string const text(100'000, '\x01'); // six bytes each in JSON
    auto call = answered_call();
    call.caller_id = call.destination = call.hangup_cause = text;
    call.sent_caller_id = call.sent_destination = text;
    rating::rate rate;
    rate.prefix = rate.call_type = text;
    auto row = row_of(call);
    row.rated = {ingest::record_error::none,
                 false,
                 &rate,
                 INT64_MAX,
                 INT64_MAX,
                 rating::amount{INT64_MIN},
                 rating::amount{INT64_MIN},
                 rating::amount{INT64_MIN}};

    auto values = values_of(row);
    EXPECT_EQ(values["hangup_cause"], text);
    EXPECT_EQ(values["call_type"], text);
    EXPECT_EQ(values["billed_seconds"], "\x7f\xff\xff\xff");
    EXPECT_GT(values["metadata"]->size(), 12 * text.size());
}

} // namespace
} // namespace tally::storage
