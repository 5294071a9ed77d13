#include "ingest/formats/formats.hpp"
#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <random>

// What holds for every decoder and every input: no crash, and a bad record costs no other one.

namespace tally::tests {
namespace {

using namespace ingest;

std::string freeswitch_record() {
    return R"({"switchname":"fs","variables":{"uuid":"3f2a1b0c-7d6e-4a5b-9c8d-112233445566",)"
           R"("direction":"inbound","accountcode":"A%201","start_uepoch":"1772359200250000",)"
           R"("answer_uepoch":"1772359211961000","end_uepoch":"1772359277000500","duration":"77",)"
           R"("billsec":"66"},"app_log":[{"a":[1]}],"callflow":[{"profile_index":"1",)"
           R"("caller_profile":{"caller_id_number":"1001","destination_number":"+4420",)"
           R"("originator":{"p":[{}]}},"times":{"created_time":"1"}}]})";
}

std::string asterisk_row(int number) {
    return R"("acct","1001","+44)" + std::to_string(number) +
           R"(","ctx","""Jo, A"" <1001>","a","b","Dial","x,y","2026-03-01 09:59:50",,)"
           R"("2026-03-01 10:02:10",140,0,"NO ANSWER","DOCUMENTATION","1772359190.42","two)" +
           "\nlines\"\n";
}

struct good_input {
    std::string format;
    std::string body;
};

std::vector<good_input> good_inputs() {
    std::string lines;
    std::string rows;
    std::string events;
    for (auto const& [type, data] : std::vector<std::pair<std::string, std::string>>{
             {"usage", R"({"metric":"sms","quantity":"0.5","to":["\u00e4"]})"},
             {"api.request", R"({"method":"GET","endpoint":"/a/{id}","status":200})"},
             {"room.joined", R"({"room_id":"3f2a1b0c-7d6e-4a5b-9c8d-112233445566",)"
                             R"("user_id":"3f2a1b0c-7d6e-4a5b-9c8d-112233445567"})"}}) {
        events += cloudevent(type, data, {{"ext", "\"x\""}}) + "\n";
    }
    for (int number = 0; number < 4; ++number) {
        lines += canonical({{"destination", "\"" + std::to_string(number) + "\""},
                            {"metadata", R"({"a":["\u00e4",1.5e3]})"}}) +
                 "\n";
        rows += asterisk_row(number);
    }
    return {{"canonical", lines},
            {"canonical", "[" + canonical() + "," + canonical() + "]"},
            {"freeswitch", freeswitch_record()},
            {"freeswitch", "cdr=" + to_percent(freeswitch_record())},
            {"freeswitch", to_base64(freeswitch_record())},
            {"asterisk", rows},
            {"cloudevents", events},
            {"cloudevents", "[" + cloudevent("usage", R"({"metric":"sms"})") + "]"}};
}

TEST(every_decoder, gives_the_same_records_wherever_a_stream_is_cut) {
    for (auto const& [format, body] : good_inputs()) {
        std::vector<std::unique_ptr<record_batch>> keep;
        auto const whole = decode_in_two(format, body, body.size(), {}, keep);
        ASSERT_FALSE(whole.empty()) << format;
        if (find_format(format)->cut == framing::line && body.starts_with('[')) {
            continue; // an array in a file is one line
        }
        for (std::size_t cut = 0; cut <= body.size(); ++cut) {
            EXPECT_EQ(decode_in_two(format, body, cut, {}, keep), whole) << format << " at " << cut;
        }
    }
}

/// The parts, each followed by `behind`.
std::string joined(std::vector<std::string> const& parts, std::string_view behind = {}) {
    std::string text;
    for (auto const& part : parts) {
        text.append(part).append(behind);
    }
    return text;
}

TEST(every_decoder, loses_no_neighbour_of_a_record_that_breaks_off) {
    auto const line = canonical();
    auto const row = asterisk_row(7);
    for (std::size_t length = 0; length <= line.size(); ++length) {
        auto const batch = decode("canonical", joined({line, line.substr(0, length), line}, "\n"));
        EXPECT_GE(batch->cdrs.size(), 2u) << length;
    }
    for (std::size_t length = 0; length <= row.size(); ++length) {
        auto const batch =
            decode("asterisk", joined({row, row.substr(0, length) + "\n", row, row}));
        // A row that breaks off inside quotes may take the next row's start for its own text.
        EXPECT_GE(batch->cdrs.size(), 2u) << length;
        EXPECT_EQ(batch->cdrs.front().raw, std::string_view(row).substr(0, row.size() - 1));
    }
}

TEST(every_decoder, survives_a_cut_at_every_byte) {
    for (auto const& [format, body] : good_inputs()) {
        for (std::size_t length = 0; length < body.size(); ++length) {
            (void)decode(format, std::string_view(body).substr(0, length));
            (void)decode(format, std::string_view(body).substr(length));
        }
    }
}

TEST(every_decoder, survives_a_change_of_any_byte) {
    std::mt19937 random(20'260'301);
    RecordProperty("seed", 20'260'301);
    for (auto const& [format, body] : good_inputs()) {
        for (int round = 0; round < 2000; ++round) {
            std::string changed = body;
            int const changes = 1 + round % 3;
            for (int change = 0; change < changes; ++change) {
                changed[random() % changed.size()] = static_cast<char>(random());
            }
            (void)decode(format, changed);
        }
    }
}

std::vector<std::string> hostile_inputs() {
    using namespace std::string_literals;
    std::string const megabyte(1'000'000, 'x');
    std::string const digits(100'000, '9');
    std::string deep_object;
    for (int depth = 0; depth < 100'000; ++depth) {
        deep_object += "{\"a\":";
    }
    return {
        "",
        "\0"s,
        std::string(1000, '\0'),
        "\xEF\xBB\xBF",
        "\xFF\xFE{\0}\0"s,
        std::string(1'000'000, '['),
        std::string(1'000'000, '{'),
        std::string(1'000'000, ']'),
        "[" + std::string(500'000, ',') + "]",
        deep_object,
        "{\"metadata\":" + deep_object,
        "{\"variables\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
        "{\"callflow\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
        R"({"callflow":[[[{}]],7,null,"x",{"caller_profile":[1],"times":"x"}],"variables":[]})",
        "{\"variables\":{\"uuid\":{},\"start_epoch\":[],\"duration\":true,\"billsec\":null}}",
        canonical({{"caller_id", "\"" + megabyte + "\""}}),
        canonical({{"metadata", "{\"x\":\"" + megabyte + "\"}"}}),
        canonical({{"billsec", digits}}),
        canonical({{"start_time", digits + "." + digits}}),
        canonical({{"duration", "1e" + digits}}),
        canonical({{"uuid", "\"\\u0000\\ud800\\u\""}}),
        canonical({{"metadata", "{\"\\ud800\":1e99999,\"\\u0000\":-0}"}}),
        "{\"uuid\":\"" + megabyte,
        "{\"uuid\"",
        "{\"uuid\":",
        "{:}",
        "{\"\":\"\"}",
        "{\"a\" \"b\"}",
        "[{]}",
        "[}",
        "{]",
        "nul",
        "-",
        "\"",
        "\"\\",
        "{\"a\":\"\xC3\"}",
        "{\"a\":\"\x01\"}",
        std::string(1'000'000, '\n'),
        std::string(1'000'000, '"'),
        std::string(300'000, ','),
        "\"" + megabyte,
        std::string(100'000, '\r'),
        "\"a\n\"b\n" + std::string(200'000, '"'),
        "cdr=" + std::string(100'000, '%'),
        "cdr=%7B%00%7D",
        "cdr=" + std::string(100'000, 'A'),
        "&cdr=&cdr=",
        "%7B%22variables%22%3A%7B",
        to_base64(std::string(100'000, '{')),
        to_base64("{\"variables\":{\"uuid\":\"\xFF\"}}"),
        "====",
        "<" + megabyte,
        "\xF0\x9F\x98",
        "{\"variables\":{\"start_uepoch\":\"-9223372036854775808\",\"uuid\":\"u\","
        "\"end_uepoch\":\"9223372036854775807\",\"sip_to_user\":\"1\"}}",
        R"("","","","","","","","","","9999-12-31 23:59:59","0001-01-01 00:00:00",)"
        R"("9999-12-31 23:59:59",0,0,"ANSWERED","")",
        R"(a,b,c,d,e,f,g,h,i,2026-03-01 09:59:50,,2026-03-01 09:59:50,9223372036854775807,0,X,Y)"};
}

std::vector<std::string> hostile_events() {
    std::string const digits(100'000, '9');
    std::string const deep(100'000, '[');
    return {cloudevent("usage", R"({"metric":"a","quantity":)" + digits + "}"),
            cloudevent("usage", R"({"metric":"a","x":)" + deep),
            cloudevent("usage", R"({"metric":"a","metric":{},"metric":["\ud800"]})"),
            cloudevent("app.error", R"({"message":")" + std::string(1'000'000, 'x') + "\"}"),
            cloudevent("usage", "", {{"data_base64", "\"" + to_base64(deep) + "\""}}),
            cloudevent("usage", "", {{"data_base64", "\"e30=\\u0000\""}})};
}

TEST(every_decoder, survives_hostile_input) {
    auto inputs = hostile_inputs();
    std::ranges::move(hostile_events(), std::back_inserter(inputs));
    for (format const& each : formats()) {
        for (std::string const& body : inputs) {
            SCOPED_TRACE(std::string(each.name) + ": " + body.substr(0, 40));
            auto const batch = decode(each.name, body);
            EXPECT_LE(batch->text.bytes(), 20 * body.size() + 4 * 1024 * 1024);
        }
    }
}

TEST(every_decoder, takes_a_batch_again_after_clear) {
    for (auto const& [format, body] : good_inputs()) {
        auto const first = decode(format, body);
        record_batch batch;
        source const source;
        for (int round = 0; round < 3; ++round) {
            batch.clear();
            batch.set_body(body);
            find_format(format)->decode({source, {}, {}}, batch);
            EXPECT_EQ(batch.cdrs, first->cdrs);
            EXPECT_EQ(batch.events, first->events);
            EXPECT_EQ(batch.received(), first->received());
        }
    }
}

} // namespace
} // namespace tally::tests
