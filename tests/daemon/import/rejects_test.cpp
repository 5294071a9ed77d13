#include "daemon/import/rejects.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>

namespace tally::daemon {
namespace {

ingest::rejected_record bad_record(std::string_view raw) {
    return {7, ingest::record_error::bad_time, "start", "no such \"day\"", raw};
}

TEST(reject_line, says_where_what_and_why) {
    auto const item = bad_record("a,b,\"c\"\n");
    EXPECT_EQ(reject_line("calls.csv", {7, 8, 412, item}),
              R"({"file":"calls.csv","record":7,"line":8,"offset":412,"code":"bad_time",)"
              R"("field":"start","detail":"no such \"day\"","raw":"a,b,\"c\"\u000a"})");
}

TEST(reject_line, leaves_out_what_is_unknown) {
    auto item = bad_record("x");
    item.field = {};
    EXPECT_EQ(reject_line("-", {0, 0, 0, item}), R"({"file":"-","record":0,"offset":0,)"
                                                 R"("code":"bad_time","detail":"no such \"day\"",)"
                                                 R"("raw":"x"})");
}

TEST(reject_line, keeps_bytes_that_are_no_utf8) {
    auto const item = bad_record("M\xfcller\xff");
    auto const line = reject_line("calls.csv", {7, 8, 412, item});
    EXPECT_NE(line.find(R"("raw_base64":"TfxsbGVy/w==")"), std::string::npos) << line;
    EXPECT_EQ(line.find("\"raw\""), std::string::npos);
}

TEST(reject_line, is_json_whatever_the_record_holds) {
    for (int byte = 0; byte < 256; ++byte) {
        std::string const raw = "a" + std::string(1, static_cast<char>(byte)) + "b";
        auto const item = bad_record(raw);
        simdjson::dom::parser parser;
        simdjson::padded_string const line = reject_line(raw, {1, 2, 3, item});
        EXPECT_EQ(parser.parse(line).error(), simdjson::SUCCESS) << byte;
    }
}

TEST(import_rejects, writes_its_file_anew_and_says_when_it_cannot) {
    auto const path = std::filesystem::temp_directory_path() /
                      ("tally-rejects-" + std::to_string(::getpid()) + ".ndjson");
    std::ofstream(path) << "of an earlier run\n";
    {
        import_rejects rejects{path.string()};
        rejects.write("calls.csv", {1, 2, 3, bad_record("x")});
        rejects.flush();
    }
    std::ifstream input(path);
    std::string line;
    EXPECT_TRUE(std::getline(input, line));
    EXPECT_TRUE(line.starts_with(R"({"file":"calls.csv")"));
    EXPECT_FALSE(std::getline(input, line));
    std::filesystem::remove(path);

    EXPECT_THROW(import_rejects{"/nowhere/rejects.ndjson"}, std::runtime_error);
    import_rejects full{"/dev/full"};
    EXPECT_THROW(
        {
            full.write("calls.csv", {1, 2, 3, bad_record("x")});
            full.flush();
        },
        std::runtime_error);
}

} // namespace
} // namespace tally::daemon
