#include "ingest/json/text.hpp"
#include "ingest/json/utf8_text.hpp"
#include "ingest/json/value.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::ingest {
namespace {

using namespace std::string_view_literals;

TEST(utf8_text, replaces_what_is_none_byte_by_byte) {
    text_arena arena;
    EXPECT_EQ(sanitize_text("plain", arena), "plain");
    EXPECT_EQ(sanitize_text("h\xC3\xA4ns", arena), "h\xC3\xA4ns");
    EXPECT_EQ(sanitize_text("h\xE4ns", arena), "h\xEF\xBF\xBDns");
    EXPECT_EQ(sanitize_text("\xD0\x90\xD0", arena), "\xD0\x90\xEF\xBF\xBD");
    EXPECT_EQ(sanitize_text("\xC0\x80", arena), "\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(sanitize_text("\xED\xA0\x80", arena), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(sanitize_text("a\0b"sv, arena), "a\xE2\x90\x80"
                                              "b");
}

RC_GTEST_PROP(utf8_text, sanitized_text_is_valid_and_stays_as_it_is, (std::string const& bytes)) {
    text_arena arena;
    auto const sanitized = sanitize_text(bytes, arena);
    RC_ASSERT(is_valid_utf8(sanitized));
    RC_ASSERT(sanitized.find('\0') == sanitized.npos);
    RC_ASSERT(sanitize_text(sanitized, arena).data() == sanitized.data());
}

std::string copied(std::string_view text) {
    std::string out;
    auto const error = append_json_value(text, out);
    return error == record_error::none ? out : std::string(code(error));
}

TEST(json_text, copies_a_value_without_blanks) {
    EXPECT_EQ(
        copied(" { \"a\" : [ 1 , 2.5e-3 , -0 , true , false , null , \"x\" ] , \"b\" : { } } "),
        R"({"a":[1,2.5e-3,-0,true,false,null,"x"],"b":{}})");
    EXPECT_EQ(copied(R"("\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00")"),
              R"("\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00")");
}

TEST(json_text, sanitizes_what_jsonb_refuses) {
    EXPECT_EQ(copied(R"("a\u0000b")"), R"("a\u2400b")");
    EXPECT_EQ(copied(R"("\ud800")"), R"("\ufffd")");
    EXPECT_EQ(copied(R"("\ud800x\udc00")"), R"("\ufffdx\ufffd")");
    EXPECT_EQ(copied(R"("\udc00\ud800")"), R"("\ufffd\ufffd")");
    EXPECT_EQ(copied("1e999999"), R"("1e999999")");
    EXPECT_EQ(copied("[1e-0001]"), "[1e-0001]");
    EXPECT_EQ(copied("1" + std::string(2000, '0')), "\"1" + std::string(2000, '0') + "\"");
}

TEST(json_text, refuses_what_is_no_json) {
    for (auto const text :
         {"",     " ",          "{",        "[",         "]",           "{]",
          "[}",   "{\"a\"}",    "{\"a\":}", "{a:1}",     "{1:1}",       "[1,]",
          "[,1]", "{\"a\":1,}", "tru",      "nul",       "truex",       "01",
          "1.",   ".5",         "+1",       "1e",        "NaN",         "Infinity",
          "\"",   "\"\\\"",     "\"\\x\"",  "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"",
          "1 2",  "{} {}",      "'a'"}) {
        EXPECT_EQ(copied(text), "not_json") << text;
    }
}

TEST(json_text, stops_at_depth_64) {
    auto const nested = [](int depth) {
        return std::string(static_cast<std::size_t>(depth), '[') +
               std::string(static_cast<std::size_t>(depth), ']');
    };
    EXPECT_EQ(copied(nested(64)), nested(64));
    EXPECT_EQ(copied(nested(65)), "too_deep");
    EXPECT_EQ(copied(std::string(1'000'000, '[')), "too_deep");
    EXPECT_EQ(check_json_depth(nested(64)), record_error::none);
    EXPECT_EQ(check_json_depth(nested(65)), record_error::too_deep);
    EXPECT_EQ(
        check_json_depth("[\"" + std::string(500, '[') + "\\\"" + std::string(500, '[') + "\"]"),
        record_error::none);
}

TEST(json_text, unescapes_strings) {
    text_arena arena;
    std::string_view const plain = "nothing to do";
    EXPECT_EQ(unescape_json(plain, arena).data(), plain.data());
    EXPECT_EQ(unescape_json(R"(a\"b\\c\/\n\t)", arena), "a\"b\\c/\n\t");
    EXPECT_EQ(unescape_json(R"(\u00e4\u20ac\ud83d\ude00)", arena),
              "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    EXPECT_EQ(unescape_json(R"(\u0000|\ud800|\udc00|\ud800\ud800)", arena),
              "\xE2\x90\x80|\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD");
    for (auto const broken : {"\\", "\\u", "\\u1", "\\uzzzz", "\\q", "a\\ud800\\u"}) {
        EXPECT_TRUE(is_valid_utf8(unescape_json(broken, arena))) << broken;
    }
}

RC_GTEST_PROP(json_text, what_is_written_reads_back, (std::string const& bytes)) {
    text_arena arena;
    auto const text = sanitize_text(bytes, arena);
    RC_PRE(!text.empty());
    std::string object;
    json_object_writer writer(object);
    writer.member("empty", "");
    writer.member("key", text);
    writer.finish();
    RC_ASSERT(copied(object) == object);
    std::string_view const content = std::string_view(object).substr(8, object.size() - 10);
    RC_ASSERT(unescape_json(content, arena) == text);
}

} // namespace
} // namespace tally::ingest
