#include "ingest/push/cloudevents_binary.hpp"

#include <gtest/gtest.h>

namespace tally::ingest {
namespace {

using fields = std::vector<http_field>;

http_head head_of(fields const& list) {
    return {"POST", "/v1/events", "", list, std::nullopt, true};
}

/// The structured form of an event with these fields and data, or the code of its fault.
std::string structured(fields const& list, std::string_view data) {
    binary_event event;
    std::string json;
    auto fault = read_binary_event(head_of(list), event);
    if (!fault) {
        fault = write_structured(event, data, json);
    }
    return fault ? std::string{code(fault.error)} : json;
}

/// The same, with that type of data.
std::string with_type(std::string_view type, std::string_view data) {
    return structured({{"Content-Type", type}, {"ce-id", "1"}}, data);
}

/// The value of an attribute in the structured form.
std::string value_of(std::string_view sent) {
    binary_event event;
    auto const fault = read_binary_event(head_of({{"ce-subject", sent}}), event);
    return fault ? std::string{code(fault.error)} : event.attributes.at(0).second;
}

TEST(cloudevents_binary, is_told_by_its_version_unless_the_type_is_an_events) {
    EXPECT_TRUE(is_binary_event(head_of({{"CE-SpecVersion", "1.0"}})));
    EXPECT_TRUE(
        is_binary_event(head_of({{"ce-specversion", ""}, {"content-type", "application/json"}})));
    EXPECT_FALSE(is_binary_event(head_of({{"ce-id", "1"}, {"ce-type", "usage"}})));
    for (std::string_view const type :
         {"application/cloudevents+json", "Application/CloudEvents-Batch+JSON; charset=utf-8",
          "application/cloudevents"}) {
        EXPECT_FALSE(is_binary_event(head_of({{"ce-specversion", "1.0"}, {"Content-Type", type}})));
    }
}

TEST(cloudevents_binary, becomes_the_structured_form) {
    EXPECT_EQ(structured({{"Host", "x"},
                          {"CE-SpecVersion", "1.0"},
                          {"ce-type", "usage"},
                          {"ce-source", "/shop"},
                          {"ce-id", "1"},
                          {"ce-time", "2026-05-04T10:00:00Z"},
                          {"ce-Traceparent", "00-ab"},
                          {"Content-Type", "application/json; charset=utf-8"}},
                         "{ \"metric\": \"sms\",\n \"quantity\": 2 }"),
              R"({"specversion":"1.0","type":"usage","source":"/shop","id":"1",)"
              R"("time":"2026-05-04T10:00:00Z","traceparent":"00-ab",)"
              R"("datacontenttype":"application/json; charset=utf-8",)"
              R"("data":{"metric":"sms","quantity":2}})");
}

TEST(cloudevents_binary, carries_data_as_its_type_allows) {
    EXPECT_EQ(with_type("", "[1]"), R"({"id":"1","data":[1]})");
    EXPECT_EQ(with_type("application/vnd.x+JSON", "3"),
              R"({"id":"1","datacontenttype":"application/vnd.x+JSON","data":3})");
    EXPECT_EQ(with_type("text/json", "null"),
              R"({"id":"1","datacontenttype":"text/json","data":null})");
    EXPECT_EQ(with_type("text/plain", "a \"b\"\n\xC3\xA9"),
              "{\"id\":\"1\",\"datacontenttype\":\"text/plain\",\"data\":\"a "
              "\\\"b\\\"\\u000a\xC3\xA9\"}");
    EXPECT_EQ(with_type("text/plain", "\xE9"),
              R"({"id":"1","datacontenttype":"text/plain","data_base64":"6Q=="})");
    EXPECT_EQ(with_type("text/plain", {"\0", 1}),
              R"({"id":"1","datacontenttype":"text/plain","data_base64":"AA=="})");
    EXPECT_EQ(with_type("application/octet-stream", "abc"),
              R"({"id":"1","datacontenttype":"application/octet-stream","data_base64":"YWJj"})");
    EXPECT_EQ(with_type("image/png", ""), R"({"id":"1","datacontenttype":"image/png"})");
    EXPECT_EQ(with_type("application/x-www-form-urlencoded", R"({"a":1})"),
              R"({"id":"1","data":{"a":1}})")
        << "curl's default type for JSON";
}

TEST(cloudevents_binary, data_cannot_break_out_of_the_event) {
    for (std::string_view const data :
         {R"(1,"id":"2")", R"({}}{"id":"2")", "{", "x", R"("a)", " "}) {
        EXPECT_EQ(with_type("application/json", data), "bad_data") << data;
    }
    EXPECT_EQ(with_type("", std::string(100, '[') + std::string(100, ']')), "too_deep");
    EXPECT_EQ(with_type("", "\xEF\xBB\xBF[\"\xE9\"]"), "{\"id\":\"1\",\"data\":[\"\xEF\xBF\xBD\"]}")
        << "no character is refused";
    EXPECT_EQ(structured({{"ce-id", R"(1%22,%22id%22:%222)"}}, ""), R"({"id":"1\",\"id\":\"2"})");
    EXPECT_EQ(structured({{R"(ce-a":1,"b)", "1"}}, ""), R"({"a\":1,\"b":"1"})");
}

TEST(cloudevents_binary, decodes_values_once) {
    EXPECT_EQ(value_of("Euro%20%E2%82%AC%20%F0%9F%98%80"), "Euro \xE2\x82\xAC \xF0\x9F\x98\x80");
    EXPECT_EQ(value_of("100%2525"), "100%25");
    EXPECT_EQ(value_of("a+b%"), "a+b%");
    EXPECT_EQ(value_of("\xC3\xA9"), "\xC3\xA9");
    for (std::string_view const bad : {"%C0%A0", "%E9", "\xE9", "%ED%A0%80", "%F0%9F"}) {
        EXPECT_EQ(value_of(bad), "bad_encoding") << bad;
    }
}

TEST(cloudevents_binary, takes_the_quotes_of_earlier_senders_away) {
    EXPECT_EQ(value_of(R"("a b")"), "a b");
    EXPECT_EQ(value_of(R"("a \"b\" \\ %41")"), R"(a "b" \ A)");
    EXPECT_EQ(value_of(R"(x"y z"w)"), "xy zw");
    EXPECT_EQ(value_of(R"(5" pipe)"), R"(5" pipe)");
    EXPECT_EQ(value_of(R"("a\)"), R"("a\)");
    EXPECT_EQ(value_of(R"("")"), "");
    EXPECT_EQ(value_of("a%22b%22"), R"(a"b")");
}

TEST(cloudevents_binary, refuses_what_would_be_told_twice) {
    EXPECT_EQ(structured({{"ce-id", "1"}, {"CE-ID", "2"}}, ""), "bad_attribute");
    EXPECT_EQ(structured({{"ce-data", "{}"}}, "{}"), "bad_attribute");
    EXPECT_EQ(structured({{"ce-data_base64", "e30="}}, ""), "bad_attribute");
    EXPECT_EQ(structured({{"ce-datacontenttype", "text/plain"}, {"ce-id", "1"}}, "{}"),
              R"({"id":"1","data":{}})")
        << "Content-Type says it";
}

} // namespace
} // namespace tally::ingest
