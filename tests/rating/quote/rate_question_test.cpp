#include "rating/quote/rate_question.hpp"

#include <gtest/gtest.h>

namespace tally::rating {
namespace {

using ingest::call_direction;
using ingest::record_error;

constexpr ingest::time_us noon = 1'773'144'000 * ingest::us_per_s; // 2026-03-10T12:00:00Z

rate_question read(std::string_view line, std::string zone = "UTC") {
    return question_reader{std::move(zone)}.read(line);
}

call_question call_in(std::string_view line, std::string zone = "UTC") {
    auto const question = read(line, std::move(zone));
    if (auto const* const fault = std::get_if<question_fault>(&question)) {
        ADD_FAILURE() << line << ": " << fault->field << ' ' << fault->detail;
        return {};
    }
    return std::get<call_question>(question);
}

/// "code field" of a line that is not a question.
std::string fault_in(std::string_view line) {
    auto const question = read(line);
    auto const* const fault = std::get_if<question_fault>(&question);
    if (fault == nullptr) {
        return "none";
    }
    EXPECT_FALSE(fault->detail.empty()) << line;
    return std::string{ingest::code(fault->error)} + (fault->field.empty() ? "" : " ") +
           fault->field;
}

TEST(rate_question, reads_a_call) {
    call_question expected;
    expected.destination = "+447911123456";
    expected.caller = "+919812345678";
    expected.direction = call_direction::inbound;
    expected.start = noon;
    expected.answer = noon;
    expected.duration_ms = 130'000;
    expected.billable_ms = 130'000;
    EXPECT_EQ(call_in(R"({"to":"+447911123456","from":"+919812345678","direction":"inbound",)"
                      R"("at":"2026-03-10T12:00:00Z","duration_s":130})"),
              expected);
    EXPECT_EQ(call_in(R"( {"duration_s":"130", "at":"2026-03-10T17:30:00+05:30", "x":[{"to":1}],)"
                      R"( "direction":"INBOUND","from":"+919812345678","to":"+447911123456"} )"),
              expected)
        << "in any order, with unknown members";
}

TEST(rate_question, takes_a_call_that_says_little) {
    auto const call = call_in(R"({"to":447911123456,"at":1773144000,"duration_s":7})");
    EXPECT_EQ(call.destination, "447911123456");
    EXPECT_EQ(call.caller, "");
    EXPECT_EQ(call.direction, call_direction::outbound);
    EXPECT_EQ(call.start, noon);
    EXPECT_FALSE(call.on_net.has_value());
}

TEST(rate_question, takes_the_members_of_a_canonical_cdr) {
    auto const call =
        call_in(R"({"uuid":"u","destination":"44","caller_id":"91","start_time":1773144000,)"
                R"("answer_time":1773144005.5,"end_time":1773144065,"duration":65,"billsec":60})");
    EXPECT_EQ(call.destination, "44");
    EXPECT_EQ(call.caller, "91");
    EXPECT_EQ(call.start, noon);
    EXPECT_EQ(call.answer, noon + 5'500'000);
    EXPECT_EQ(call.duration_ms, 65'000);
    EXPECT_EQ(call.billable_ms, 60'000);
}

TEST(rate_question, counts_a_part_of_a_second_however_small) {
    struct sample {
        char const* duration;
        std::int64_t ms;
    };
    constexpr sample samples[] = {
        {"0", 0},
        {"1", 1000},
        {"59.0001", 59'001},
        {"\"59.5\"", 59'500},
        {"0.000000001", 1},
        {"1e2", 100'000},
        {"-1", -1000},
        {"-0.0001", -1},
        {"12.300000000000001", 12'300},
        {"604800", 604'800'000},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775807", INT64_MIN},
    };
    for (auto const& each : samples) {
        auto const call = call_in(R"({"to":"44","at":1773144000,"duration_s":)" +
                                  std::string{each.duration} + "}");
        EXPECT_EQ(call.billable_ms, each.ms) << each.duration;
        EXPECT_EQ(call.duration_ms, each.ms) << each.duration;
    }
}

TEST(rate_question, says_when_a_call_was_answered) {
    auto const answer = call_in(
        R"({"to":"44","at":1773144000,"answered_at":"2026-03-10T12:00:09Z","duration_s":1})");
    EXPECT_EQ(answer.answer, noon + 9 * ingest::us_per_s);
    auto const ringing =
        call_in(R"({"to":"44","at":1773144000,"duration_s":70,"billsec_ms":"60500"})");
    EXPECT_EQ(ringing.billable_ms, 60'500);
    EXPECT_EQ(ringing.answer, noon + 9'500'000) << "that much before the end";
    auto const unanswered = call_in(R"({"to":"44","at":1773144000,"duration_s":70,"billsec_s":0})");
    EXPECT_EQ(unanswered.billable_ms, 0);
    EXPECT_EQ(unanswered.answer, ingest::never_us);
    auto const billed = call_in(R"({"to":"44","at":1773144000,"billsec_ms":1})");
    EXPECT_EQ(billed.duration_ms, 1);
    auto const answer_alone = call_in(R"({"to":"44","answered_at":1773144000,"duration_s":5})");
    EXPECT_EQ(answer_alone.start, noon);
}

TEST(rate_question, takes_a_time_without_a_zone_as_the_plans) {
    constexpr auto line = R"({"to":"44","at":"2026-03-10T17:30:00","duration_s":1})";
    EXPECT_EQ(call_in(line, "Asia/Kolkata").start, noon);
    EXPECT_EQ(call_in(line, "UTC").start, noon + std::int64_t{19'800} * ingest::us_per_s);
}

TEST(rate_question, of_a_repeated_member_the_last_one_counts) {
    EXPECT_EQ(call_in(R"({"to":"1","to":"44","at":1773144000,"duration_s":1})").destination, "44");
    EXPECT_EQ(fault_in(R"({"to":"1","to":null,"at":1773144000,"duration_s":1})"),
              "missing_field to");
}

TEST(rate_question, knows_a_destination_of_ours) {
    EXPECT_TRUE(
        call_in(R"({"to":"44","at":1773144000,"duration_s":1,"on_net":true})").on_net.value());
    EXPECT_TRUE(
        call_in(R"({"to":"44","at":1773144000,"duration_s":1,"on_net":"true"})").on_net.value());
    EXPECT_FALSE(
        call_in(R"({"to":"44","at":1773144000,"duration_s":1,"on_net":false})").on_net.value());
}

TEST(rate_question, reads_a_usage_event_with_its_properties) {
    usage_question expected;
    expected.metric = "users";
    expected.value = parse_quantity("2.5");
    expected.time = noon;
    expected.properties = {{"user_id", "ann\n"}, {"from", "12"}, {"tags", "[1, 2]"}, {"at", "x"}};
    EXPECT_EQ(std::get<usage_question>(
                  read(R"({"metric":"users","quantity":"2.5","at":1773144000,"user_id":"ann\n",)"
                       R"("none":null,"from":12,"tags":[1, 2],"properties":{"at":"x"}})")),
              expected);
    auto const bare =
        std::get<usage_question>(read(R"({"metric":"sms","at":"2026-03-10T12:00:00Z"})"));
    EXPECT_FALSE(bare.value.has_value());
    EXPECT_TRUE(bare.properties.empty());
    auto const exact = std::get<usage_question>(
        read(R"({"metric":"sms","quantity":123456789012345678.123456789,"at":1773144000})"));
    EXPECT_EQ(to_string(exact.value.value()), "123456789012345678.123456789") << "by no double";
}

TEST(rate_question, names_what_is_wrong) {
    struct sample {
        char const* line;
        char const* fault;
    };
    constexpr sample samples[] = {
        {"", "not_json"},
        {"hello", "not_json"},
        {"{", "not_json"},
        {R"({"to":"44","at":1773144000,"duration_s":1)", "not_json"},
        {R"({"to":"44","at":1773144000,"duration_s":1} {})", "not_json"},
        {R"({"to":"44","at":1773144000,"duration_s":1}x)", "not_json"},
        {R"({"to":"44","at":1773144000,"duration_s":nope})", "not_json"},
        {R"({"to":"44","at":1773144000,"duration_s":truth})", "not_json"},
        {R"({"to":"44","at":1773144000,"duration_s":tr})", "not_json"},
        {"{\"to\":\"\xff\",\"at\":1773144000,\"duration_s\":1}", "not_json"},
        {"[]", "not_an_object"},
        {"12", "not_an_object"},
        {"null", "not_an_object"},
        {"{}", "missing_field to"},
        {R"({"to":"","at":1773144000,"duration_s":1})", "missing_field to"},
        {R"({"to":"44","duration_s":1})", "missing_field at"},
        {R"({"to":"44","at":1773144000})", "missing_field duration_s"},
        {R"({"to":["44"],"at":1773144000,"duration_s":1})", "bad_type to"},
        {R"({"to":"44","at":true,"duration_s":1})", "bad_type at"},
        {R"({"to":"44","at":"yesterday","duration_s":1})", "bad_time at"},
        {R"({"to":"44","at":"2026-02-30T00:00:00Z","duration_s":1})", "bad_time at"},
        {R"({"to":"44","at":1773144000,"answered_at":"x","duration_s":1})", "bad_time answered_at"},
        {R"({"to":"44","at":1773144000,"duration_s":"2m"})", "bad_number duration_s"},
        {R"({"to":"44","at":1773144000,"duration_s":1-2})", "bad_number duration_s"},
        {R"({"to":"44","at":1773144000,"duration_s":1,"billsec_ms":"x"})", "bad_number billsec_ms"},
        {R"({"to":"44","at":1773144000,"duration_s":1,"direction":"up"})",
         "bad_direction direction"},
        {R"({"to":"44","at":1773144000,"duration_s":1,"on_net":"perhaps"})", "bad_type on_net"},
        {R"({"metric":"sms","quantity":1})", "missing_field at"},
        {R"({"metric":{},"quantity":1,"at":1773144000})", "bad_type metric"},
        {R"({"metric":"sms","quantity":"many","at":1773144000})", "bad_number quantity"},
        {R"({"metric":"sms","quantity":0.0000000001,"at":1773144000})", "bad_number quantity"},
        {R"({"metric":"sms","quantity":1e19,"at":1773144000})", "bad_number quantity"},
    };
    for (auto const& each : samples) {
        EXPECT_EQ(fault_in(each.line), each.fault) << each.line;
    }
    EXPECT_EQ(fault_in(std::string(5'000, '[')), "not_an_object");
    EXPECT_EQ(fault_in(R"({"to":)" + std::string(5'000, '[')), "not_json");
    EXPECT_EQ(fault_in(R"({"to":)" + std::string(5'000, '[') + std::string(5'000, ']') + "}"),
              "bad_type to")
        << "deep, but the value is not parsed";
}

TEST(rate_question, goes_on_behind_a_line_that_is_none) {
    question_reader reader{"UTC"};
    EXPECT_TRUE(std::holds_alternative<question_fault>(reader.read("{\"to\":[[[")));
    auto const next = reader.read(R"({"to":"44","at":1773144000,"duration_s":1})");
    EXPECT_EQ(std::get<call_question>(next).destination, "44");
}

} // namespace
} // namespace tally::rating
