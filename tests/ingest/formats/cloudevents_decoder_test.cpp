#include "ingest/formats/formats.hpp"
#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What every CloudEvent has in common, whatever its type. Rules: CloudEvents 1.0.2, sections 3 and
// "JSON Event Format".

namespace tally::tests {
namespace {

using namespace ingest;
using testing::ElementsAre;
using texts = std::vector<std::string>;
using changes = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view sms = R"({"metric":"sms","quantity":3})";

texts faults_of(changes const& with, std::string_view data = sms) {
    return faults(*decode("cloudevents", cloudevent("usage", data, with)));
}

TEST(cloudevents_decoder, reads_every_attribute) {
    auto const batch =
        decode("cloudevents", cloudevent("usage", R"({ "metric": "sms", "note": "a\u0000" })"));
    ASSERT_EQ(faults(*batch), texts{});
    ASSERT_EQ(batch->events.size(), 1u);
    event const& found = batch->events.front();
    EXPECT_EQ(found.kind, event_kind::usage);
    EXPECT_EQ(found.source, "/shop");
    EXPECT_EQ(found.event_id, "e-1");
    EXPECT_EQ(found.id, uuid_v5(event_name_space, std::string("/shop\0e-1", 9)));
    EXPECT_EQ(found.type, "usage");
    EXPECT_EQ(found.subject, "SUB-7");
    EXPECT_EQ(found.occurred, at("2026-05-04T10:00:00Z"));
    EXPECT_FALSE(found.time_assumed);
    EXPECT_EQ(found.data, R"({"metric":"sms","note":"a\u2400"})");
    EXPECT_EQ(found.properties, R"({"note":"a\u2400"})");
    EXPECT_EQ(found.raw, batch->body);
}

TEST(cloudevents_decoder, takes_what_the_standard_allows) {
    for (changes const& with : std::vector<changes>{
             {{"datacontenttype", "null"}, {"dataschema", "null"}},
             {{"datacontenttype", "\"application/json\""}},
             {{"datacontenttype", "\"application/vnd.shop+json; charset=utf-8\""}},
             {{"dataschema", "\"https://example.com/schema\""}},
             {{"source", "\"#fragment\""}},
             {{"time", "\"2026-05-04T12:00:00.123456789+02:00\""}},
             {{"extinteger", "-2147483648"}, {"extboolean", "true"}, {"ext1", "\"text\""}},
             {{"extnull", "null"}},
             {{"data", ""}, {"data_base64", "\"" + to_base64(R"({"metric":"?>?"})") + "\""}},
             {{"data", ""}, {"data_base64", R"("eyJtZXRyaWMiOiI\/PyJ9")"}},
             {{"data", ""}, {"data_base64", "\"" + to_base64(sms) + "\""}}}) {
        EXPECT_EQ(faults_of(with), texts{}) << with.front().first;
    }
    EXPECT_EQ(decode("cloudevents",
                     cloudevent("usage", sms, {{"time", "\"2026-05-04T12:00:00.1234567+02:00\""}}))
                  ->events.front()
                  .occurred,
              at("2026-05-04T10:00:00.123456Z"));
}

TEST(cloudevents_decoder, refuses_what_the_standard_forbids) {
    EXPECT_EQ(faults_of({{"specversion", ""}}), texts{"missing_field specversion"});
    EXPECT_EQ(faults_of({{"specversion", "\"\""}}), texts{"missing_field specversion"});
    EXPECT_EQ(faults_of({{"specversion", "\"0.9\""}}), texts{"bad_spec_version specversion"});
    EXPECT_EQ(faults_of({{"specversion", "1.0"}}), texts{"bad_type specversion"});
    for (std::string const name : {"id", "source", "type"}) {
        EXPECT_EQ(faults_of({{name, ""}}), texts{"missing_field " + name});
        EXPECT_EQ(faults_of({{name, "null"}}), texts{"missing_field " + name});
        EXPECT_EQ(faults_of({{name, "\"\""}}), texts{"missing_field " + name});
        EXPECT_EQ(faults_of({{name, "25"}}), texts{"bad_type " + name});
        EXPECT_EQ(faults_of({{name, "{\"a\":1}"}}), texts{"bad_type " + name});
    }
    for (std::string const name : {"subject", "time", "datacontenttype", "dataschema"}) {
        EXPECT_EQ(faults_of({{name, "\"\""}}), texts{"bad_attribute " + name});
        EXPECT_EQ(faults_of({{name, "[1]"}}), texts{"bad_type " + name});
    }
    EXPECT_EQ(faults_of({{"source", "\"a b\""}}), texts{"bad_attribute source"});
    for (std::string const type : {"xyz", "a/", "/b", "a/b/c", "a b/c"}) {
        EXPECT_EQ(faults_of({{"datacontenttype", "\"" + type + "\""}}),
                  texts{"bad_attribute datacontenttype"});
    }
    for (std::string const time :
         {"lunchtime", "2018-04-05T18:31Z", "2018-04-05T18:31:00X", "2018-04-05T18:31:00+25:00",
          "2018-04-05T18:31:00+xx:00", "2018-04-05T18:31:00+05", "2018-04-05T18:31:00",
          "2018-04-05 18:31:00Z", "2018-13-05T18:31:00Z", "1525198260"}) {
        EXPECT_EQ(faults_of({{"time", "\"" + time + "\""}}), texts{"bad_time time"}) << time;
    }
    for (std::string const name : {"MyExtension", "my.extension", "my_extension", "\\u0061"}) {
        EXPECT_EQ(faults_of({{name, "\"bad\""}}), texts{"bad_attribute"}) << name;
    }
    for (std::string const value : {"1.5", "2147483648", "{\"a\":1}", "[1]"}) {
        EXPECT_EQ(faults_of({{"ext", value}}), texts{"bad_attribute"}) << value;
    }
    EXPECT_EQ(faults_of({{"data_base64", "\"e30=\""}}), texts{"bad_data data"});
    EXPECT_EQ(faults_of({{"data", ""}, {"data_base64", "7"}}), texts{"bad_type data_base64"});
    for (std::string const base64 : {"e30", "e30==", "e3 0=", "====", "!!!!"}) {
        EXPECT_EQ(faults_of({{"data", ""}, {"data_base64", "\"" + base64 + "\""}}),
                  texts{"bad_encoding data_base64"})
            << base64;
    }
    EXPECT_EQ(faults_of({{"id", "\"" + std::string(1025, 'i') + "\""}}),
              texts{"field_too_long id"});
}

TEST(cloudevents_decoder, wants_an_object_for_the_data_of_its_own_types) {
    for (std::string const data : {"\"text\"", "7", "[{}]", "true"}) {
        EXPECT_EQ(faults_of({}, data), texts{"bad_data data"}) << data;
    }
    EXPECT_EQ(faults_of({{"datacontenttype", "\"text/plain\""}}), texts{"bad_data data"});
    EXPECT_EQ(faults_of({{"data", ""}, {"data_base64", "\"" + to_base64("[1]") + "\""}}),
              texts{"bad_data data"});
}

TEST(cloudevents_decoder, takes_types_that_it_does_not_know_into_suspense) {
    for (std::string const type : {"io.example.test", "usages", "room.painted", "license."}) {
        auto const batch = decode(
            "cloudevents", cloudevent(type, "\"text\"", {{"datacontenttype", "\"text/plain\""}}));
        EXPECT_EQ(faults(*batch), texts{"unknown_type type"}) << type;
        EXPECT_TRUE(batch->rejected.front().suspended);
    }
    // An event that is not a CloudEvent is rejected, whatever its type.
    auto const batch = decode("cloudevents", cloudevent("io.example.test", "1", {{"id", ""}}));
    EXPECT_FALSE(batch->rejected.front().suspended);
}

TEST(cloudevents_decoder, takes_the_time_of_receipt_for_one_that_is_missing) {
    record_batch batch;
    batch.set_body(cloudevent("usage", sms, {{"time", "null"}}));
    source const source;
    find_format("cloudevents")->decode({source, {}, {}, 1'700'000'000'000'000}, batch);
    ASSERT_EQ(batch.events.size(), 1u);
    EXPECT_EQ(batch.events.front().occurred, 1'700'000'000'000'000);
    EXPECT_TRUE(batch.events.front().time_assumed);
}

TEST(cloudevents_decoder, knows_an_event_again_however_it_is_written) {
    auto const one = decode("cloudevents",
                            cloudevent("usage", R"({"metric":"sms","quantity":"3","a":{"b":1}})"));
    auto const& first = one->events.front();
    for (auto const& text :
         texts{cloudevent("usage", R"({ "a" : { "b" : 1 }, "quantity":"3",  "metric":"sms" })"),
               "[" + cloudevent("usage", R"({"metric":"sms","quantity":"3","a":{"b":1}})") + "]",
               cloudevent(
                   "usage", "",
                   {{"data_base64",
                     "\"" + to_base64(R"({"quantity":"3","metric":"sms","a":{"b":1}})") + "\""}}),
               cloudevent("usage", R"({"metric":"sms","quantity":"3","a":{"b":1}})",
                          {{"traceid", "\"x\""}}),
               cloudevent("usage", R"({"metric":"sms","quantity":"3","a":{"b":1}})",
                          {{"time", "\"2026-05-04T12:00:00+02:00\""}})}) {
        auto const batch = decode("cloudevents", text);
        ASSERT_EQ(faults(*batch), texts{}) << text;
        EXPECT_EQ(batch->events.front().id, first.id) << text;
        EXPECT_EQ(batch->events.front().content, first.content) << text;
        EXPECT_EQ(batch->events.front().event_data, first.event_data) << text;
    }
    for (auto const& text :
         texts{cloudevent("usage", R"({"metric":"sms","quantity":"4","a":{"b":1}})"),
               cloudevent("usage", R"({"metric":"sms","quantity":"3","a":{"b":2}})"),
               cloudevent("usage", R"({"metric":"sms","quantity":"3","a":{"b":1}})",
                          {{"subject", "\"SUB-8\""}})}) {
        EXPECT_NE(decode("cloudevents", text)->events.front().content, first.content) << text;
    }
}

TEST(cloudevents_decoder, gives_each_record_of_a_batch_its_index) {
    auto const good = cloudevent("usage", sms);
    auto const batch = decode("cloudevents", "[" + good + ",\"no object\"," + cloudevent("x", "1") +
                                                 "," + good + "]");
    EXPECT_THAT(batch->event_index, ElementsAre(0u, 3u));
    EXPECT_EQ(faults(*batch), (texts{"not_an_object", "unknown_type type"}));
    EXPECT_EQ(decode("cloudevents", "[]")->received(), 0u);
    EXPECT_EQ(decode("cloudevents", "[]")->body_error, record_error::none);
}

} // namespace
} // namespace tally::tests
