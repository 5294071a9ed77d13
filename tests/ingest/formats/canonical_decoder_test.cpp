#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using namespace ingest;
using texts = std::vector<std::string>;

source in_zone(std::string zone) {
    source sender;
    sender.time_zone = std::move(zone);
    return sender;
}

TEST(canonical_decoder, reads_every_field) {
    auto const batch = decode("canonical", canonical({{"subscription_number", "\"SUB-7\""},
                                                      {"duration", "140.250"},
                                                      {"billsec", "130.5"},
                                                      {"metadata", "{ \"a\" : [1, 2] }"}}));
    ASSERT_EQ(faults(*batch), texts{});
    cdr expected;
    expected.id = *parse_uuid("9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6b");
    expected.account_number = "ACC-1001";
    expected.subscription_number = "SUB-7";
    expected.caller_id = "+442071838750";
    expected.destination = "+919876543210";
    expected.start = at("2026-03-01T09:59:50.250Z");
    expected.answer = at("2026-03-01T10:00:00Z");
    expected.end = at("2026-03-01T10:02:10Z");
    expected.duration_ms = 140'250;
    expected.billsec_ms = 130'500;
    expected.billable_ms = 130'500;
    expected.hangup_cause = "NORMAL_CLEARING";
    expected.metadata = R"({"a":[1,2]})";
    expected.raw = batch->body;
    EXPECT_EQ(batch->cdrs, std::vector{expected});
}

TEST(canonical_decoder, takes_times_and_numbers_in_all_their_forms) {
    auto const batch = decode("canonical", canonical({{"start_time", "1772359190"},
                                                      {"answer_time", "\"1772359200.5\""},
                                                      {"end_time", "1772359330.000001"},
                                                      {"duration", "\"1.4e2\""},
                                                      {"billsec", "129.4999"},
                                                      {"caller_id", "442071838750"},
                                                      {"direction", "\"INBOUND\""}}));
    ASSERT_EQ(faults(*batch), texts{});
    cdr const& call = batch->cdrs.front();
    EXPECT_EQ(call.start, at("2026-03-01T09:59:50Z"));
    EXPECT_EQ(call.answer, at("2026-03-01T10:00:00.5Z"));
    EXPECT_EQ(call.end, at("2026-03-01T10:02:10.000001Z"));
    EXPECT_EQ(call.duration_ms, 140'000);
    EXPECT_EQ(call.billsec_ms, 129'499);
    EXPECT_EQ(call.caller_id, "442071838750");
    EXPECT_EQ(call.direction, call_direction::inbound);
    EXPECT_FALSE(call.zone_assumed);
}

TEST(canonical_decoder, takes_the_sources_zone_when_a_time_has_none) {
    auto const body = canonical({{"start_time", "\"2026-07-01 11:59:50\""},
                                 {"answer_time", "\"2026-07-01T12:00:00\""},
                                 {"end_time", "\"2026-07-01T10:02:10Z\""}});
    auto const batch = decode("canonical", body, in_zone("Europe/Berlin"));
    ASSERT_EQ(faults(*batch), texts{});
    EXPECT_EQ(batch->cdrs[0].start, at("2026-07-01T09:59:50Z"));
    EXPECT_EQ(batch->cdrs[0].answer, at("2026-07-01T10:00:00Z"));
    EXPECT_TRUE(batch->cdrs[0].zone_assumed);
    EXPECT_EQ(faults(*decode("canonical", body, in_zone("Nowhere/Atall"))),
              texts{"bad_time start_time"});
}

TEST(canonical_decoder, an_unanswered_call_has_no_answer) {
    for (auto const never : {"null", "\"\"", "0", ""}) {
        auto const batch =
            decode("canonical", canonical({{"answer_time", never}, {"billsec", "0"}}));
        ASSERT_EQ(faults(*batch), texts{});
        EXPECT_EQ(batch->cdrs[0].answer, never_us);
        EXPECT_EQ(batch->cdrs[0].billable_ms, 0);
    }
}

TEST(canonical_decoder, a_billsec_without_an_answer_time_counts_back_from_the_end) {
    auto const batch = decode("canonical", canonical({{"answer_time", ""}}));
    ASSERT_EQ(faults(*batch), texts{});
    EXPECT_EQ(batch->cdrs[0].answer, at("2026-03-01T10:00:00Z"));
    EXPECT_EQ(batch->cdrs[0].billable_ms, 130'000);
}

TEST(canonical_decoder, a_call_id_that_is_no_uuid_is_mapped_and_kept) {
    auto const plain = decode("canonical", canonical({{"uuid", "\"1231977075.0\""}}));
    ASSERT_EQ(faults(*plain), texts{});
    EXPECT_EQ(plain->cdrs[0].id, uuid_v5(call_id_name_space, "1231977075.0"));
    EXPECT_EQ(plain->cdrs[0].metadata, R"({"call_id":"1231977075.0"})");
    auto const merged =
        decode("canonical",
               canonical({{"uuid", "\"x\\\"y\""}, {"metadata", R"({"call_id":"old","b":1})"}}));
    EXPECT_EQ(merged->cdrs[0].metadata, R"({"call_id":"old","b":1,"call_id":"x\"y"})");
    auto const upper =
        decode("canonical", canonical({{"uuid", "\"9B2F6C3E-8D1A-4F57-B0A4-1C2D3E4F5A6B\""}}));
    EXPECT_EQ(upper->cdrs[0].metadata, "");
}

TEST(canonical_decoder, says_what_is_wrong_and_where) {
    struct sample {
        std::string key;
        std::string value;
        std::string error;
    };
    std::vector<sample> samples;
    for (auto const* const key : {"uuid", "direction", "caller_id", "destination", "start_time",
                                  "end_time", "duration", "billsec"}) {
        samples.push_back({key, "", "missing_field"});
        samples.push_back({key, "null", "missing_field"});
        samples.push_back({key, "{}", "bad_type"});
        samples.push_back({key, "[1]", "bad_type"});
        samples.push_back({key, "true", "bad_type"});
    }
    samples.insert(samples.end(),
                   {{"destination", "\"\"", "missing_field"},
                    {"uuid", "\"\"", "missing_field"},
                    {"direction", "\"sideways\"", "bad_direction"},
                    {"start_time", "\"2026-02-30T00:00:00Z\"", "bad_time"},
                    {"answer_time", "\"soon\"", "bad_time"},
                    {"end_time", "1772359330000", "bad_time"},
                    {"end_time", "\"2026-03-01T09:59:50Z\"", "bad_times"},
                    {"answer_time", "\"2026-03-01T09:59:48Z\"", "bad_times"},
                    {"answer_time", "\"2026-03-01T10:02:12Z\"", "bad_times"},
                    {"duration", "\"abc\"", "bad_number"},
                    {"duration", "-1", "bad_duration"},
                    {"billsec", "-0.5", "bad_duration"},
                    {"billsec", "1e400", "bad_number"},
                    {"duration", "99999999999", "bad_duration"},
                    {"metadata", "[1]", "bad_type"},
                    {"metadata", "\"text\"", "bad_type"},
                    {"metadata", "{\"a\":tru}", "not_json"},
                    {"caller_id", "\"" + std::string(257, '1') + "\"", "field_too_long"},
                    {"destination", "\"" + std::string(257, '1') + "\"", "field_too_long"},
                    {"account_number", "\"" + std::string(257, '1') + "\"", "field_too_long"},
                    {"subscription_number", "\"" + std::string(257, 'x') + "\"", "field_too_long"},
                    {"hangup_cause", "\"" + std::string(1025, 'x') + "\"", "field_too_long"},
                    {"uuid", "\"" + std::string(1025, 'x') + "\"", "field_too_long"}});
    for (auto const& [key, value, error] : samples) {
        auto const batch = decode("canonical", canonical({{key, value}}));
        EXPECT_EQ(faults(*batch), texts{error + " " + key}) << key << "=" << value.substr(0, 40);
    }
}

TEST(canonical_decoder, takes_what_is_odd_but_true) {
    auto const good = [](std::string const& key, std::string const& value) {
        return faults(*decode("canonical", canonical({{key, value}}))) == texts{};
    };
    EXPECT_TRUE(good("caller_id", "\"\"")) << "an anonymous caller";
    EXPECT_TRUE(good("caller_id", "\"" + std::string(256, '1') + "\""));
    EXPECT_TRUE(good("answer_time", "\"2026-03-01T09:59:49.5Z\"")) << "cut to the second elsewhere";
    EXPECT_TRUE(good("billsec", "141")) << "rating judges billsec over duration";
    EXPECT_TRUE(good("unknown", "{\"deep\":[1,{\"x\":null}]}"));
    EXPECT_TRUE(good("metadata", "null"));
    EXPECT_TRUE(good("metadata", "{}"));
}

TEST(canonical_decoder, of_a_repeated_key_the_last_counts) {
    auto body = canonical();
    body.insert(body.size() - 1, ",\"destination\":\"1\",\"destination\":\"2\"");
    EXPECT_EQ(decode("canonical", body)->cdrs[0].destination, "2");
}

TEST(canonical_decoder, unescapes_and_sanitizes_text) {
    auto const batch = decode("canonical", canonical({{"caller_id", R"("\u00e4\"\u0000\ud800")"},
                                                      {"hangup_cause", "\"K\xF6ln\""},
                                                      {"metadata", R"({"n":"\u0000\udfff"})"}}));
    ASSERT_EQ(faults(*batch), texts{});
    EXPECT_EQ(batch->cdrs[0].caller_id, "\xC3\xA4\"\xE2\x90\x80\xEF\xBF\xBD");
    EXPECT_EQ(batch->cdrs[0].hangup_cause, "K\xEF\xBF\xBDln");
    EXPECT_EQ(batch->cdrs[0].metadata, R"({"n":"\u2400\ufffd"})");
    EXPECT_EQ(batch->cdrs[0].raw, batch->body) << "raw is as received";
}

TEST(canonical_decoder, an_array_an_object_and_lines_are_told_apart) {
    auto const one = canonical();
    auto const two = canonical({{"destination", "\"2\""}});
    auto const destinations = [](std::string const& body) {
        texts found;
        auto const batch = decode("canonical", body);
        EXPECT_EQ(faults(*batch), texts{}) << body;
        for (auto const& call : batch->cdrs) {
            found.emplace_back(call.destination);
        }
        return found;
    };
    texts const both{"+919876543210", "2"};
    EXPECT_EQ(destinations("[" + one + "," + two + "]"), both);
    EXPECT_EQ(destinations(" [\n" + one + " ,\r\n\t" + two + "\n] \n"), both);
    EXPECT_EQ(destinations(one + "\n" + two), both);
    EXPECT_EQ(destinations("\xEF\xBB\xBF" + one + "\r\n\r\n \n" + two + "\r\n"), both);
    EXPECT_EQ(destinations("\n" + one + "\n"), texts{both[0]});
    EXPECT_EQ(destinations("[]"), texts{});
    std::string pretty;
    for (char const c : canonical({{"metadata", "{\"a\":{\"b\":[{},{}]}}"}})) {
        pretty += c;
        pretty += c == ',' || c == '{' || c == '[' ? "\n  " : "";
    }
    EXPECT_EQ(destinations(pretty), texts{both[0]});
}

TEST(canonical_decoder, a_bad_line_is_one_rejected_record) {
    auto const good = canonical();
    std::string const body = good + "\n{\"uuid\":\n" + good + "\n[1]\n\"text\"\n" + good + " x\n" +
                             good + good + "\n\n" + good;
    auto const batch = decode("canonical", body);
    EXPECT_EQ(faults(*batch),
              (texts{"not_json", "not_an_object", "not_an_object", "not_json", "not_json"}));
    EXPECT_EQ(batch->cdr_index, (std::vector<std::uint32_t>{0, 2, 7}));
    EXPECT_EQ(batch->rejected[0].index, 1u);
    EXPECT_EQ(batch->rejected[0].raw, "{\"uuid\":");
    EXPECT_EQ(batch->rejected[1].raw, "[1]");
    EXPECT_EQ(batch->cdrs[2].raw, good);
}

TEST(canonical_decoder, a_bad_element_is_one_rejected_record) {
    auto const good = canonical();
    auto const bad = canonical({{"billsec", "\"x\""}});
    auto const batch =
        decode("canonical", "[" + good + ",1,null,[{}]," + bad + ",{}," + good + "]");
    EXPECT_EQ(faults(*batch), (texts{"not_an_object", "not_an_object", "not_an_object",
                                     "bad_number billsec", "missing_field uuid"}));
    EXPECT_EQ(batch->cdr_index, (std::vector<std::uint32_t>{0, 6}));
    EXPECT_EQ(batch->rejected[3].raw, bad);
    EXPECT_EQ(batch->cdrs[1].raw, good);
}

TEST(canonical_decoder, a_body_that_is_no_json_fails_as_a_whole) {
    auto const good = canonical();
    for (std::string const& body :
         {std::string(), std::string(" \n"), std::string("hello"), std::string("{not json"),
          good + good, good + "]", "[" + good, "[" + good + ",", "[" + good + " " + good + "]",
          "[" + good + "] x", std::string("[{\"a\":}]"), std::string("{\n\"uuid\":\n}"),
          std::string("<cdr/>"), std::string("\0\0", 2)}) {
        auto const batch = decode("canonical", body);
        EXPECT_EQ(faults(*batch), texts{"whole not_json"}) << body.substr(0, 60);
        EXPECT_FALSE(batch->body_detail.empty());
    }
}

TEST(canonical_decoder, bounds_the_size_and_depth_of_a_record) {
    source source;
    source.record_bytes_max = 600;
    auto const good = canonical();
    auto const large = canonical({{"metadata", "{\"x\":\"" + std::string(600, 'x') + "\"}"}});
    EXPECT_EQ(faults(*decode("canonical", good + "\n" + large + "\n" + good, source)),
              texts{"record_too_large"});
    EXPECT_EQ(faults(*decode("canonical", "[" + good + "," + large + "]", source)),
              texts{"record_too_large"});
    std::string const deep = std::string(70, '[') + std::string(70, ']');
    EXPECT_EQ(faults(*decode("canonical", canonical({{"metadata", "{\"x\":" + deep + "}"}}))),
              texts{"too_deep"});
    EXPECT_EQ(faults(*decode("canonical", good + "\n" + canonical({{"other", deep}}))),
              texts{"too_deep"});
}

} // namespace
} // namespace tally::tests
