#include "ingest/http/message.hpp"
#include "ingest/json/writer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

namespace tally::tests {
namespace {

using namespace std::string_view_literals;

TEST(http_message, splits_targets) {
    struct row {
        std::string_view target, path, query;
    };
    for (row const& r : {row{"/v1/cdrs", "/v1/cdrs", ""},
                         {"/v1/cdrs?a=b", "/v1/cdrs", "a=b"},
                         {"/cdr?tenant=7?uuid=1", "/cdr", "tenant=7?uuid=1"},
                         {"/?", "/", ""},
                         {"http://host:80/p?q", "/p", "q"},
                         {"http://host", "/", ""},
                         {"http://host?q", "", "q"},
                         {"*", "*", ""},
                         {"/redirect?to=http://x/", "/redirect", "to=http://x/"},
                         {"", "", ""}}) {
        auto const split = ingest::split_target(r.target);
        EXPECT_EQ(split.path, r.path) << r.target;
        EXPECT_EQ(split.query, r.query) << r.target;
    }
}

TEST(http_message, finds_query_values) {
    EXPECT_EQ(ingest::query_value("ack=commit", "ack"), "commit");
    EXPECT_EQ(ingest::query_value("a=1&ack=commit&b", "ack"), "commit");
    EXPECT_EQ(ingest::query_value("ack=commit?uuid=7", "ack"), "commit");
    EXPECT_EQ(ingest::query_value("tenant=7?uuid=9", "uuid"), "9");
    EXPECT_EQ(ingest::query_value("xack=1&ack", "ack"), "");
    EXPECT_EQ(ingest::query_value("&&&=&?", "ack"), "");
}

TEST(http_message, finds_fields_in_any_case) {
    ingest::http_field const fields[] = {{"content-TYPE", "a"}, {"Content-Type", "b"}};
    ingest::http_head head;
    head.fields = fields;
    EXPECT_EQ(head.field("Content-Type"), "a");
    EXPECT_EQ(head.field("Content-Typ"), "");
}

std::string json_string(std::string_view text) {
    ingest::json_writer json;
    return json.value(text).text();
}

TEST(http_json, escapes_and_repairs_text) {
    EXPECT_EQ(json_string("plain"), R"("plain")");
    EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(json_string("\n\x01\0"sv), R"("\u000a\u0001\u0000")");
    EXPECT_EQ(json_string("z\xc3\xbc €"), "\"z\xc3\xbc €\"");
    EXPECT_EQ(json_string("\xfc"), "\"\xef\xbf\xbd\"");
    // cut off, overlong, surrogate, beyond U+10FFFF
    for (auto const bad : {"\xe2\x82", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
        EXPECT_NE(json_string(bad).find("\xef\xbf\xbd"), std::string::npos);
}

TEST(http_json, writes_nested_values) {
    ingest::json_writer json;
    json.open('{').key("a").open('[').value(1).value(-2).open('{').close('}').close(']');
    json.key("b").value(true).key("c").null().key("d").raw("[0]").key("e").value("x").close('}');
    EXPECT_EQ(json.text(), R"({"a":[1,-2,{}],"b":true,"c":null,"d":[0],"e":"x"})");
}

RC_GTEST_PROP(http_json, any_bytes_make_valid_json, (std::string const& text)) {
    std::string const json = "[" + json_string(text) + "]";
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    RC_ASSERT(!parser.parse(json).get(element));
    // Valid text does not change.
    std::string_view back = element.at(0).get_string().value();
    RC_ASSERT(!simdjson::validate_utf8(text) || back == text);
}

} // namespace
} // namespace tally::tests
