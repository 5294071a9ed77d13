#include "ingest/base/record_error.hpp"
#include "ingest/base/text_arena.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/record/source.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tally::ingest {
namespace {

TEST(record_error, every_code_is_its_own_and_reads_back) {
    std::set<std::string_view> seen;
    for (int index = 0; index < static_cast<int>(record_error::count_); ++index) {
        auto const error = static_cast<record_error>(index);
        EXPECT_TRUE(seen.insert(code(error)).second) << code(error);
        EXPECT_EQ(parse_code(code(error)), error);
        EXPECT_FALSE(explain(error).empty());
        EXPECT_EQ(code(error).find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
    }
    EXPECT_EQ(parse_code("no such code"), record_error::none);
    EXPECT_EQ(code(record_error::count_), "unknown");
}

cdr answered_call() {
    cdr call;
    call.caller_id = "1001";
    call.destination = "4420";
    call.start = 1'000'000'250'000;
    call.answer = 1'000'010'750'000;
    call.end = 1'000'070'999'999;
    call.duration_ms = 70'000;
    call.billsec_ms = 60'000;
    call.hangup_cause = "NORMAL_CLEARING";
    return call;
}

TEST(cdr, exact_times_and_metadata_are_not_content) {
    cdr const a = answered_call();
    cdr b = a;
    b.answer = whole_second(b.answer);
    b.end = whole_second(b.end);
    b.duration_ms += 999;
    b.billsec_ms += 1;
    b.metadata = R"({"x":1})";
    b.raw = "other";
    b.hangup_cause = {};
    b.account_number = "A";
    EXPECT_TRUE(same_content(a, b));
}

TEST(cdr, what_both_say_and_differs_is_other_content) {
    cdr const a = answered_call();
    std::vector<std::function<void(cdr&)>> const changes{
        [](cdr& c) { c.caller_id = "1002"; },
        [](cdr& c) { c.destination = "4421"; },
        [](cdr& c) { c.direction = call_direction::inbound; },
        [](cdr& c) { c.answer = never_us; },
        [](cdr& c) { c.answer += us_per_s; },
        [](cdr& c) { c.end += us_per_s; },
        [](cdr& c) { c.duration_ms += 1000; },
        [](cdr& c) { c.billsec_ms += 1000; },
        [](cdr& c) { c.hangup_cause = "USER_BUSY"; },
    };
    for (auto const& change : changes) {
        cdr b = a;
        change(b);
        EXPECT_FALSE(same_content(a, b));
        EXPECT_FALSE(same_content(b, a));
    }
}

TEST(cdr, whole_seconds_are_floors_before_1970_too) {
    EXPECT_EQ(whole_second(1'999'999), 1'000'000);
    EXPECT_EQ(whole_second(-1), -1'000'000);
    EXPECT_EQ(whole_second(-1'000'000), -1'000'000);
}

TEST(text_arena, views_stay_where_they_are_and_memory_is_used_again) {
    text_arena arena;
    std::vector<std::pair<std::string, std::string_view>> kept;
    auto const fill = [&] {
        kept.clear();
        for (std::size_t length = 1; length < 3000; length += 7) {
            std::string text(length, static_cast<char>('a' + length % 26));
            kept.emplace_back(text, arena.keep(text));
        }
        kept.emplace_back(std::string(200'000, 'z'), arena.keep(std::string(200'000, 'z')));
        for (auto const& [text, view] : kept) {
            ASSERT_EQ(text, view);
        }
    };
    fill();
    auto const bytes = arena.bytes();
    arena.clear();
    fill();
    EXPECT_EQ(arena.bytes(), bytes);
}

TEST(text_arena, gives_the_unused_end_back) {
    text_arena arena;
    char* const first = arena.reserve(1000);
    arena.shrink_last(10);
    EXPECT_EQ(arena.reserve(5), first + 10);
    EXPECT_TRUE(arena.keep("").empty());
}

TEST(source_table, is_never_without_a_local_source) {
    source_table const none({});
    EXPECT_EQ(none.local().name, "local");
    EXPECT_FALSE(none.any_token());
    source other;
    other.name = "switch-1";
    source local;
    local.time_zone = "Asia/Kolkata";
    source_table const both({other, local});
    EXPECT_EQ(both.local().time_zone, "Asia/Kolkata");
    EXPECT_EQ(both.all().size(), 2u);
    EXPECT_EQ(both.by_name("switch-1")->name, "switch-1");
    EXPECT_EQ(both.by_name("nobody"), nullptr);
}

TEST(source_table, finds_a_source_by_its_token_alone) {
    source with_token;
    with_token.name = "switch-1";
    with_token.has_token = true;
    with_token.token_sha256 = token_digest("secret");
    source_table const table({with_token});
    EXPECT_TRUE(table.any_token());
    ASSERT_NE(table.by_token("secret"), nullptr);
    EXPECT_EQ(table.by_token("secret")->name, "switch-1");
    EXPECT_EQ(table.by_token("Secret"), nullptr);
    EXPECT_EQ(table.by_token(""), nullptr);
    EXPECT_EQ(token_digest("abc")[0], 0xba);
}

TEST(formats, have_names_of_their_own_and_are_found_by_them) {
    std::set<std::string_view> names;
    std::set<std::string_view> paths;
    for (format const& each : formats()) {
        for (std::string_view const path : each.paths) {
            EXPECT_TRUE(path.empty() || paths.insert(path).second) << path;
        }
        EXPECT_TRUE(names.insert(each.name).second);
        EXPECT_EQ(find_format(each.name), &each);
        EXPECT_NE(each.decode, nullptr);
        EXPECT_FALSE(each.description.empty());
    }
    EXPECT_EQ(names,
              (std::set<std::string_view>{"canonical", "freeswitch", "asterisk", "cloudevents"}));
    EXPECT_EQ(paths,
              (std::set<std::string_view>{"/v1/cdrs", "/v1/cdrs/canonical", "/v1/cdrs/freeswitch",
                                          "/v1/cdrs/asterisk", "/v1/events"}));
    EXPECT_EQ(find_format("cobol"), nullptr);
}

} // namespace
} // namespace tally::ingest
