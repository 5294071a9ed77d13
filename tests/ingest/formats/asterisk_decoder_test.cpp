#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tally::tests {
namespace {

using namespace ingest;
using texts = std::vector<std::string>;

constexpr std::string_view times_and_figures =
    R"("2026-03-01 09:59:50","2026-03-01 10:00:00","2026-03-01 10:02:10",140,130,"ANSWERED")";

/// A row of 16 columns, followed by further ones.
std::string row(std::string_view more = {}, std::string_view figures = times_and_figures) {
    return R"("acct-7","1001","+4420","from-internal","""Jo, A"" <1001>","PJSIP/1001-01",)"
           R"("PJSIP/trunk-02","Dial","PJSIP/4420@trunk,60",)" +
           std::string(figures) + R"(,"DOCUMENTATION")" + std::string(more);
}

TEST(asterisk_decoder, reads_a_row) {
    auto const batch = decode("asterisk", row(R"(,"1772359190.42","note")") + "\n");
    ASSERT_EQ(faults(*batch), texts{});
    cdr const& call = batch->cdrs.at(0);
    EXPECT_EQ(call.account_number, "acct-7");
    EXPECT_EQ(call.caller_id, "1001");
    EXPECT_EQ(call.destination, "+4420");
    EXPECT_EQ(call.direction, call_direction::outbound);
    EXPECT_EQ(call.start, at("2026-03-01T09:59:50Z"));
    EXPECT_EQ(call.answer, at("2026-03-01T10:00:00Z"));
    EXPECT_EQ(call.end, at("2026-03-01T10:02:10Z"));
    EXPECT_TRUE(call.zone_assumed);
    EXPECT_EQ(call.duration_ms, 140'000);
    EXPECT_EQ(call.billsec_ms, 130'000);
    EXPECT_EQ(call.billable_ms, 130'000);
    EXPECT_EQ(call.hangup_cause, "ANSWERED");
    EXPECT_EQ(call.metadata,
              R"({"call_id":"1772359190.42","clid":"\"Jo, A\" <1001>","dcontext":"from-internal",)"
              R"("channel":"PJSIP/1001-01","dstchannel":"PJSIP/trunk-02","lastapp":"Dial",)"
              R"("lastdata":"PJSIP/4420@trunk,60","disposition":"ANSWERED",)"
              R"("amaflags":"DOCUMENTATION","userfield":"note"})");
}

TEST(asterisk_decoder, tells_16_to_21_columns_apart) {
    struct sample {
        std::string more;
        bool has_uniqueid;
        bool has_userfield;
        bool has_sequence;
    };
    std::string const id = R"(,"1772359190.42")";
    std::string const named_id = R"(,"pbx-1.eu-1772359190.42")";
    std::string const field = R"(,"12.5 EUR")";
    std::string const added = R"(,"peer","1772359190.41",17)";
    for (auto const& [more, has_uniqueid, has_userfield, has_sequence] :
         std::vector<sample>{{"", false, false, false},
                             {id, true, false, false},
                             {named_id, true, false, false},
                             {field, false, true, false},
                             {id + field, true, true, false},
                             {added, false, false, true},
                             {id + added, true, false, true},
                             {field + added, false, true, true},
                             {id + field + added, true, true, true}}) {
        auto const batch = decode("asterisk", row(more));
        ASSERT_EQ(faults(*batch), texts{}) << more;
        auto const& metadata = batch->cdrs.at(0).metadata;
        EXPECT_EQ(metadata.find("call_id") != metadata.npos, has_uniqueid) << more;
        EXPECT_EQ(metadata.find("12.5 EUR") != metadata.npos, has_userfield) << more;
        EXPECT_EQ(metadata.find(R"("sequence":"17")") != metadata.npos, has_sequence) << more;
        EXPECT_EQ(metadata.find(R"("peeraccount":"peer")") != metadata.npos, has_sequence) << more;
    }
    EXPECT_EQ(faults(*decode("asterisk", row(id + field + added + ",1"))), texts{"bad_columns"});
    EXPECT_EQ(faults(*decode("asterisk", "\"a\",\"b\"\n")), texts{"bad_columns"});
}

TEST(asterisk_decoder, the_sequence_is_the_key_or_else_the_row) {
    auto const id_of = [](std::string const& text, std::string const& name = "local") {
        source source;
        source.name = name;
        return decode("asterisk", text, source)->cdrs.at(0).id;
    };
    std::string const other_figures =
        R"("2026-03-01 09:59:50",,"2026-03-01 10:02:10",140,0,"NO ANSWER")";
    std::string const id = R"(,"1772359190.42","")";
    std::string const numbered = id + R"(,"","1772359190.41",17)";
    EXPECT_EQ(id_of(row(numbered)), id_of(row(numbered, other_figures)));
    EXPECT_NE(id_of(row(numbered)), id_of(row(id + R"(,"","1772359190.41",18)")));
    EXPECT_NE(id_of(row(numbered)), id_of(row(numbered), "other"));
    EXPECT_NE(id_of(row(id)), id_of(row(id, other_figures)));
    EXPECT_EQ(id_of(row(id)), id_of(row(id) + "\r\n"));
    EXPECT_NE(id_of(row(id)), id_of(row(id), "other"));
}

TEST(asterisk_decoder, bills_only_answered_calls) {
    struct sample {
        std::string figures;
        std::int64_t billable_ms;
        bool is_answered;
    };
    for (auto const& [figures, billable_ms, is_answered] : std::vector<sample>{
             {R"("2026-03-01 10:00:00","2026-03-01 10:00:00","2026-03-01 10:00:05",5,7,"ANSWERED")",
              7'000, true},
             {R"("2026-03-01 10:00:00",,"2026-03-01 10:00:05",5,0,"NO ANSWER")", 0, false},
             {R"("2026-03-01 10:00:00",,"2026-03-01 10:00:05",5,60,"NO ANSWER")", 0, false},
             {R"("2026-03-01 10:00:00","2026-03-01 10:00:00","2026-03-01 10:00:05",5,5,"FAILED")",
              5'000, true},
             {R"("2026-03-01 10:00:00","2026-03-01 10:00:00","2026-03-01 10:00:05",5,0,"BUSY")", 0,
              true},
             {R"("2026-03-01 10:00:00","","2026-03-01 10:00:05","5","0","CONGESTION")", 0,
              false}}) {
        auto const batch = decode("asterisk", row("", figures));
        ASSERT_EQ(faults(*batch), texts{}) << figures;
        EXPECT_EQ(batch->cdrs[0].billable_ms, billable_ms) << figures;
        EXPECT_EQ(batch->cdrs[0].answer != never_us, is_answered) << figures;
    }
}

TEST(asterisk_decoder, the_uniqueid_tells_the_hours_of_autumn_apart) {
    source source;
    source.time_zone = "Europe/Berlin";
    auto const start_of = [&](std::string const& uniqueid, std::string const& figures) {
        return decode("asterisk", row(",\"" + uniqueid + "\"", figures), source)->cdrs.at(0).start;
    };
    std::string const within = R"("2026-10-25 02:30:00",,"2026-10-25 02:30:10",10,0,"NO ANSWER")";
    EXPECT_EQ(start_of("1792888200.7", within), at("2026-10-25T00:30:00Z"));
    EXPECT_EQ(start_of("1792891800.7", within), at("2026-10-25T01:30:00Z"));
    EXPECT_EQ(start_of("none", within), at("2026-10-25T00:30:00Z"));
    std::string const out_of = R"("2026-10-25 02:59:50",,"2026-10-25 03:00:10",20,0,"NO ANSWER")";
    EXPECT_EQ(start_of("none", out_of), at("2026-10-25T01:59:50Z"));
    std::string const gap = R"("2026-03-29 02:30:00",,"2026-03-29 03:30:10",10,0,"NO ANSWER")";
    EXPECT_EQ(start_of("none", gap), at("2026-03-29T01:30:00Z"));
}

TEST(asterisk_decoder, says_what_is_wrong_and_where) {
    struct sample {
        std::string figures;
        std::string fault;
    };
    for (auto const& [figures, fault] : std::vector<sample>{
             {R"(,,"2026-03-01 10:00:05",5,0,"NO ANSWER")", "missing_field start"},
             {R"("2026-03-01 10:00:00",,,5,0,"NO ANSWER")", "bad_times end"},
             {R"("01/03/2026 10:00",,"2026-03-01 10:00:05",5,0,"NO ANSWER")", "bad_time start"},
             {R"("2026-03-01 10:00:00","x","2026-03-01 10:00:05",5,0,"NO ANSWER")",
              "bad_time answer"},
             {R"("2026-03-01 10:00:00",,"2026-03-01 09:00:05",5,0,"NO ANSWER")", "bad_times end"},
             {R"("2026-03-01 10:00:00",,"2026-03-01 10:00:05",five,0,"NO ANSWER")",
              "bad_number duration"},
             {R"("2026-03-01 10:00:00",,"2026-03-01 10:00:05",5,,"NO ANSWER")",
              "bad_number billsec"},
             {R"("2026-03-01 10:00:00",,"2026-03-01 10:00:05",-5,0,"NO ANSWER")",
              "bad_duration duration"}}) {
        EXPECT_EQ(faults(*decode("asterisk", row("", figures))), texts{fault}) << figures;
    }
    EXPECT_EQ(faults(*decode("asterisk", "\"" + std::string(300, 'a') + row().substr(7))),
              texts{"field_too_long accountcode"});
    EXPECT_EQ(faults(*decode("asterisk", row() + "\n" + row(",\"open"))), texts{"bad_quoting"});
    source small;
    small.record_bytes_max = 100;
    EXPECT_EQ(faults(*decode("asterisk", row(), small)), texts{"record_too_large"});
}

TEST(asterisk_decoder, takes_files_as_they_are_found) {
    auto const count = [](std::string const& body) {
        auto const batch = decode("asterisk", body);
        EXPECT_EQ(faults(*batch), texts{}) << body;
        return batch->cdrs.size();
    };
    EXPECT_EQ(count(row() + "\n" + row()), 2u) << "no final newline";
    EXPECT_EQ(count(row() + "\r\n" + row() + "\r\n"), 2u);
    EXPECT_EQ(count(row() + "\r" + row() + "\r"), 2u);
    EXPECT_EQ(count("\xEF\xBB\xBF" + row() + "\n"), 1u);
    EXPECT_EQ(count("\n\n" + row() + "\n\n"), 1u);
    EXPECT_EQ(count(row() + "\n" + std::string(500, '\0') + row() + "\n" + std::string(9, '\0')),
              2u);
    EXPECT_EQ(count(""), 0u);
}

TEST(asterisk_decoder, keeps_what_is_inside_quotes) {
    auto const batch = decode(
        "asterisk", row(",\"1772359190.42\",\"two\nlines, \"\"quoted\"\" \xE4\"") + "\n" + row());
    ASSERT_EQ(faults(*batch), texts{});
    ASSERT_EQ(batch->cdrs.size(), 2u);
    EXPECT_NE(
        batch->cdrs[0].metadata.find("\"userfield\":\"two\\nlines, \\\"quoted\\\" \xEF\xBF\xBD\""),
        std::string::npos);
}

TEST(asterisk_decoder, a_torn_row_costs_itself_alone) {
    auto const whole = row(",\"1772359190.42\"") + "\n";
    for (std::size_t begin = 1; begin < whole.size() - 1; ++begin) {
        auto const batch = decode("asterisk", whole.substr(begin) + whole + whole);
        // A row that is cut inside its first field looks like a good one.
        EXPECT_GE(batch->cdrs.size(), 2u) << begin;
        EXPECT_LE(batch->rejected.size(), 1u) << begin;
    }
    for (std::size_t length = 1; length < whole.size() - 1; ++length) {
        auto const batch = decode("asterisk", whole.substr(0, length) + "\n" + whole + whole);
        EXPECT_GE(batch->cdrs.size(), 2u) << length;
    }
}

} // namespace
} // namespace tally::tests
