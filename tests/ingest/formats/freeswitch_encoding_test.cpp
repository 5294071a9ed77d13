#include "tests/ingest/formats/freeswitch_records.hpp"

#include <gtest/gtest.h>

namespace tally::tests::freeswitch {
namespace {

using namespace ingest;
using texts = std::vector<std::string>;

TEST(freeswitch_encoding, every_encoding_gives_the_same_call) {
    std::string const json = record(with({{"caller_id_name", "R&D + 5%"}}));
    auto const expected = one(json);
    auto const same = [&](std::string const& body) {
        auto const call = one(body, {}, "tenant=7?uuid=other");
        cdr copy = *call;
        EXPECT_EQ(copy.raw, body) << "raw is what came";
        copy.raw = expected->raw;
        EXPECT_EQ(copy, *expected) << body.substr(0, 80);
    };
    same("cdr=" + to_percent(json));
    same("cdr=" + to_base64(json));
    same("cdr=" + to_percent(to_base64(json)));
    same("cdr=" + json);
    same(to_base64(json));
    same(to_percent(json));
    std::string broken_lines = to_base64(json);
    for (std::size_t index = 76; index < broken_lines.size(); index += 78) {
        broken_lines.insert(index, "\r\n");
    }
    same(broken_lines);
    std::string form = to_percent(json);
    for (std::size_t slot_index = 0; (slot_index = form.find("%20", slot_index)) != form.npos;) {
        form.replace(slot_index, 3, "+");
    }
    auto const form_call = one("uuid=1&cdr=" + form + "&x=1");
    EXPECT_EQ(form_call->metadata, expected->metadata);
    auto const in_file = one(to_base64(json) + "\n");
    EXPECT_EQ(in_file->metadata, expected->metadata);
}

TEST(freeswitch_encoding, percent_decodes_variables_as_the_source_says) {
    auto const body = record(with({{"accountcode", "A%2F1%20x"}, {"hangup_cause", "100%"}}));
    EXPECT_EQ(one(body)->account_number, "A/1 x");
    EXPECT_EQ(one(body)->hangup_cause, "100%");
    source source;
    source.percent = percent_policy::never;
    EXPECT_EQ(one(body, source)->account_number, "A%2F1%20x");
    source.percent = percent_policy::always;
    EXPECT_EQ(one(body, source)->account_number, "A/1 x");
    auto const half = one(record(with({{"accountcode", "%D0%90%D0"}})));
    EXPECT_EQ(half->account_number, "\xD0\x90\xEF\xBF\xBD");
    auto const raw_profile = one(record(answered, ",\"callflow\":" + profile(1, "5%2B5")));
    EXPECT_EQ(raw_profile->destination, "5%2B5") << "profiles are not encoded";
}

TEST(freeswitch_encoding, characters_of_any_kind_are_taken) {
    auto const call =
        one(record(answered, ",\"callflow\":" + profile(1, "99", ",\"ani\":\"\xE4\"")));
    EXPECT_EQ(call->destination, "99");
    EXPECT_EQ(call->raw, call.batch->body);
    auto const nul = one(record(with({{"accountcode", "a\\u0000\\ud800"}})));
    EXPECT_EQ(nul->account_number, "a\xE2\x90\x80\xEF\xBF\xBD");
}

TEST(freeswitch_encoding, a_body_that_cannot_be_read_is_one_rejected_record) {
    struct sample {
        std::string body;
        std::string fault;
    };
    // encode=true with encode-values=true: one round of decoding leaves quotes bare inside strings.
    std::string const trap = "cdr=%7B%22variables%22%3A%7B%22caller_id%22%3A%22%221001%22%22%7D%7D";
    for (auto const& [body, fault] :
         std::vector<sample>{{trap, "not_json"},
                             {"{\"variables\":", "not_json"},
                             {"[" + record(), "not_json"},
                             {record() + record(), "not_json"},
                             {"<cdr core-uuid=\"x\">\n<variables/>\n</cdr>", "not_json"},
                             {"hello", "bad_encoding"},
                             {"hello world!", "bad_encoding"},
                             {"cdr=", "bad_encoding"},
                             {"cdr=%", "bad_encoding"},
                             {to_base64("no json"), "bad_encoding"},
                             {"\"text\"", "bad_encoding"},
                             {"[7]", "not_an_object"},
                             {"", "bad_encoding"}}) {
        auto const batch = decode("freeswitch", body);
        EXPECT_EQ(faults(*batch), texts{fault}) << body.substr(0, 60);
        EXPECT_EQ(batch->body_error, record_error::none);
    }
    EXPECT_EQ(decode("freeswitch", trap)->rejected.at(0).raw, trap);
}

TEST(freeswitch_encoding, takes_many_records_in_one_body) {
    auto const second = record(with({{"uuid", "second"}}));
    auto const count = [](std::string const& body) {
        auto const batch = decode("freeswitch", body);
        EXPECT_EQ(faults(*batch), texts{});
        return batch->cdrs.size();
    };
    EXPECT_EQ(count("[" + record() + "," + second + "]"), 2u);
    EXPECT_EQ(count(record() + "\n" + second + "\n"), 2u);
    EXPECT_EQ(count(to_base64(record()) + "\n" + to_percent(second) + "\n" + record() + "\n"), 3u);
    EXPECT_EQ(count("cdr=" + to_base64("[" + record() + "," + second + "]")), 2u);
    auto const mixed = decode("freeswitch", record() + "\n{\"x\"\n" + second + "\n");
    EXPECT_EQ(mixed->cdrs.size(), 2u);
    EXPECT_EQ(faults(*mixed), texts{"not_json"});
    auto const broken = decode("freeswitch", to_percent(record()) + "\n{\"x\"\n" + second + "\n");
    EXPECT_EQ(broken->cdrs.size(), 2u) << "a bad line takes no earlier one back";
}

TEST(freeswitch_encoding, what_it_keeps_of_a_record_decodes_again) {
    auto const batch =
        decode("freeswitch", "cdr=" + to_base64("[" + record() + "," + record() + "]"));
    for (auto const& call : batch->cdrs) {
        auto const again = one(std::string(call.raw));
        EXPECT_EQ(again->id, call.id);
        EXPECT_EQ(again->metadata, call.metadata);
    }
}

} // namespace
} // namespace tally::tests::freeswitch
