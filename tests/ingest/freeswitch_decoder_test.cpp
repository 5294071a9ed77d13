#include "decoder_helpers.hpp"

#include <gtest/gtest.h>

#include <map>

namespace tally::tests {
namespace {

using namespace ingest;
using texts = std::vector<std::string>;
using members = std::map<std::string, std::string>;

constexpr std::string_view call_uuid = "3f2a1b0c-7d6e-4a5b-9c8d-112233445566";

/// An answered call of a registered user, 11.5 s ringing and 65.039 s of talk.
members const answered{{"uuid", std::string(call_uuid)},
                       {"direction", "inbound"},
                       {"accountcode", "ACC-1001"},
                       {"start_stamp", "2026-03-01 10:00:00"},
                       {"answer_stamp", "2026-03-01 10:00:11"},
                       {"end_stamp", "2026-03-01 10:01:17"},
                       {"start_epoch", "1772359200"},
                       {"start_uepoch", "1772359200250000"},
                       {"answer_epoch", "1772359211"},
                       {"answer_uepoch", "1772359211961000"},
                       {"end_epoch", "1772359277"},
                       {"end_uepoch", "1772359277000500"},
                       {"duration", "77"},
                       {"billsec", "66"},
                       {"billmsec", "65039"},
                       {"hangup_cause", "NORMAL_CLEARING"},
                       {"hangup_cause_q850", "16"},
                       {"sip_call_id", "abc@host"},
                       {"bridge_uuid", "00000000-1111-4222-8333-444444444444"},
                       {"sip_from_user", "fallback-caller"},
                       {"sip_req_user", "fallback-destination"},
                       {"read_codec", "PCMA"}};

std::string quoted(std::string const& text) {
    return "\"" + text + "\"";
}

std::string object_of(members const& all) {
    std::string text = "{";
    for (auto const& [key, value] : all) {
        text += (text.size() > 1 ? "," : "") + quoted(key) + ":" + quoted(value);
    }
    return text + "}";
}

std::string profile(int index, std::string const& destination, std::string const& more = {}) {
    return R"({"dialplan":"XML","profile_index":")" + std::to_string(index) +
           R"(","extension":{"applications":[{"app_name":"bridge"}]},"caller_profile":{)" +
           R"("username":"1001","caller_id_name":"Jo \"J\" A","caller_id_number":"+442071838750",)" +
           R"("network_addr":"192.0.2.1","destination_number":")" + destination + "\"" + more +
           R"(},"times":{"created_time":"1772359200250000","answered_time":"0","hangup_time":"0"}})";
}

/// A record; `callflow` is the members behind the variables.
std::string record(members const& variables = answered,
                   std::string const& callflow = ",\"callflow\":" + profile(1, "+919876543210")) {
    return R"({"core-uuid":"c0","switchname":"fs1","channel_data":{"state":"CS_REPORTING",)"
           R"("direction":"inbound"},"variables":)" +
           object_of(variables) + R"(,"app_log":{"applications":[{"app_name":"set"}]})" + callflow +
           "}";
}

members with(members changes) {
    members all = answered;
    for (auto const& [key, value] : changes) {
        all[key] = value;
    }
    std::erase_if(all, [](auto const& each) { return each.second == "absent"; });
    return all;
}

members only(members variables) {
    variables.emplace("uuid", call_uuid);
    return variables;
}

/// The one call of a body that has no faults.
struct decoded_call {
    std::unique_ptr<record_batch> batch;
    cdr const& operator*() const { return batch->cdrs.at(0); }
    cdr const* operator->() const { return &batch->cdrs.at(0); }
};

decoded_call one(std::string const& body, source const& from = {}, std::string_view query = {}) {
    auto batch = decode("freeswitch", body, from, query);
    EXPECT_EQ(faults(*batch), texts{}) << body.substr(0, 200);
    EXPECT_EQ(batch->cdrs.size(), 1u);
    return {std::move(batch)};
}

TEST(freeswitch_decoder, reads_a_record) {
    auto const call = one(record());
    EXPECT_EQ(to_string(call->id), call_uuid);
    EXPECT_EQ(call->account_number, "ACC-1001");
    EXPECT_EQ(call->caller_id, "+442071838750");
    EXPECT_EQ(call->destination, "+919876543210");
    EXPECT_EQ(call->direction, call_direction::outbound);
    EXPECT_EQ(call->start, at("2026-03-01T10:00:00.25Z"));
    EXPECT_EQ(call->answer, at("2026-03-01T10:00:11.961Z"));
    EXPECT_EQ(call->end, at("2026-03-01T10:01:17.0005Z"));
    EXPECT_FALSE(call->zone_assumed);
    EXPECT_EQ(call->duration_ms, 77'000);
    EXPECT_EQ(call->billsec_ms, 66'000) << "the switch's own figure";
    EXPECT_EQ(call->billable_ms, 65'039) << "exact";
    EXPECT_EQ(call->hangup_cause, "NORMAL_CLEARING");
    EXPECT_EQ(call->raw, call.batch->body);
    EXPECT_EQ(
        call->metadata,
        R"({"leg":"a","other_leg_uuid":"00000000-1111-4222-8333-444444444444",)"
        R"("caller_id_name":"Jo \"J\" A","network_addr":"192.0.2.1","sip_call_id":"abc@host",)"
        R"("hangup_cause_q850":"16","read_codec":"PCMA","switchname":"fs1","core_uuid":"c0"})");
}

TEST(freeswitch_decoder, every_encoding_gives_the_same_call) {
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
    for (std::size_t place = 76; place < broken_lines.size(); place += 78) {
        broken_lines.insert(place, "\r\n");
    }
    same(broken_lines);
    std::string form = to_percent(json);
    for (std::size_t at = 0; (at = form.find("%20", at)) != form.npos;) {
        form.replace(at, 3, "+");
    }
    auto const form_call = one("uuid=1&cdr=" + form + "&x=1");
    EXPECT_EQ(form_call->metadata, expected->metadata);
    auto const in_file = one(to_base64(json) + "\n");
    EXPECT_EQ(in_file->metadata, expected->metadata);
}

TEST(freeswitch_decoder, percent_decodes_variables_as_the_source_says) {
    auto const body = record(with({{"accountcode", "A%2F1%20x"}, {"hangup_cause", "100%"}}));
    EXPECT_EQ(one(body)->account_number, "A/1 x");
    EXPECT_EQ(one(body)->hangup_cause, "100%");
    source from;
    from.percent = percent_policy::never;
    EXPECT_EQ(one(body, from)->account_number, "A%2F1%20x");
    from.percent = percent_policy::always;
    EXPECT_EQ(one(body, from)->account_number, "A/1 x");
    auto const half = one(record(with({{"accountcode", "%D0%90%D0"}})));
    EXPECT_EQ(half->account_number, "\xD0\x90\xEF\xBF\xBD");
    auto const raw_profile = one(record(answered, ",\"callflow\":" + profile(1, "5%2B5")));
    EXPECT_EQ(raw_profile->destination, "5%2B5") << "profiles are not encoded";
}

TEST(freeswitch_decoder, characters_of_any_kind_are_taken) {
    auto const call =
        one(record(answered, ",\"callflow\":" + profile(1, "99", ",\"ani\":\"\xE4\"")));
    EXPECT_EQ(call->destination, "99");
    EXPECT_EQ(call->raw, call.batch->body);
    auto const nul = one(record(with({{"accountcode", "a\\u0000\\ud800"}})));
    EXPECT_EQ(nul->account_number, "a\xE2\x90\x80\xEF\xBF\xBD");
}

TEST(freeswitch_decoder, the_dialled_number_is_the_oldest_profiles) {
    std::string const newest = profile(2, "7010");
    std::string const oldest = profile(1, "+919876543210");
    auto const unnumbered = [](std::string text) {
        text.replace(text.find("profile_index"), 13, "profile_number");
        return text;
    };
    for (std::string const& callflow :
         {",\"callflow\":[" + newest + "," + oldest + "]",
          ",\"callflow\":[" + oldest + "," + newest + "]",
          ",\"callflow\":" + newest + ",\"callflow\":" + oldest,
          ",\"callflow\":[" + unnumbered(newest) + "," + unnumbered(oldest) + "]",
          ",\"callflow\":" + unnumbered(newest) + ",\"callflow\":" + unnumbered(oldest)}) {
        auto const call = one(record(answered, callflow));
        EXPECT_EQ(call->destination, "+919876543210") << callflow;
        EXPECT_NE(call->metadata.find(R"("transferred_to":"7010")"), std::string::npos);
    }
}

TEST(freeswitch_decoder, variables_stand_in_for_a_missing_callflow) {
    auto const sip = one(record(answered, ""));
    EXPECT_EQ(sip->caller_id, "fallback-caller");
    EXPECT_EQ(sip->destination, "fallback-destination");
    auto const own = one(record(with({{"caller_id_number", "1001"}, {"destination_number", "99"}}),
                                ",\"callflow\":[]"));
    EXPECT_EQ(own->caller_id, "1001");
    EXPECT_EQ(own->destination, "99");
    auto const minimal = one(record(only({{"start_epoch", "1772359200"},
                                          {"duration", "70"},
                                          {"billsec", "60"},
                                          {"sip_to_user", "99"}}),
                                    ""));
    EXPECT_EQ(minimal->end, at("2026-03-01T10:01:10Z"));
    EXPECT_EQ(minimal->answer, at("2026-03-01T10:00:10Z"));
    EXPECT_EQ(minimal->billable_ms, 60'000);
}

TEST(freeswitch_decoder, microseconds_then_seconds_then_stamps_then_the_callflow) {
    source from;
    from.time_zone = "Asia/Kolkata";
    members const no_us{
        {"start_uepoch", "absent"}, {"answer_uepoch", "absent"}, {"end_uepoch", "absent"}};
    auto const seconds = one(record(with(no_us)), from);
    EXPECT_EQ(seconds->answer, at("2026-03-01T10:00:11Z"));
    EXPECT_EQ(seconds->billable_ms, 66'000);
    EXPECT_FALSE(seconds->zone_assumed);
    members no_epoch = no_us;
    no_epoch.insert(
        {{"start_epoch", "absent"}, {"answer_epoch", "absent"}, {"end_epoch", "absent"}});
    no_epoch.insert({"start_stamp", "2026-03-01%2010%3A00%3A00"});
    auto const stamps = one(record(with(no_epoch)), from);
    EXPECT_EQ(stamps->start, at("2026-03-01T04:30:00Z"));
    EXPECT_EQ(stamps->billable_ms, 66'000);
    EXPECT_TRUE(stamps->zone_assumed);
    std::string callflow = ",\"callflow\":" + profile(1, "99");
    callflow.replace(callflow.find("\"answered_time\":\"0\""), 19,
                     "\"answered_time\":\"1772359211961000\"");
    callflow.replace(callflow.find("\"hangup_time\":\"0\""), 17,
                     "\"hangup_time\":\"1772359277000500\"");
    auto const flow = one(record(only({}), callflow), from);
    EXPECT_EQ(flow->start, at("2026-03-01T10:00:00.25Z"));
    EXPECT_EQ(flow->billable_ms, 65'039);
    EXPECT_EQ(flow->billsec_ms, 65'039);
    EXPECT_EQ(flow->duration_ms, 76'750);
}

TEST(freeswitch_decoder, an_unanswered_call_bills_nothing) {
    auto const call = one(record(with({{"answer_uepoch", "0"},
                                       {"answer_epoch", "0"},
                                       {"answer_stamp", "absent"},
                                       {"billsec", "0"},
                                       {"billmsec", "0"},
                                       {"hangup_cause", "ORIGINATOR_CANCEL"}})));
    EXPECT_EQ(call->answer, never_us);
    EXPECT_EQ(call->billsec_ms, 0);
    EXPECT_EQ(call->billable_ms, 0);
    EXPECT_EQ(call->duration_ms, 77'000);
}

TEST(freeswitch_decoder, numbers_may_come_as_numbers) {
    std::string body = record();
    for (std::string const value :
         {"1772359200250000", "1772359211961000", "1772359277000500", "77", "66"}) {
        for (std::size_t at = 0; (at = body.find(quoted(value), at)) != body.npos;) {
            body.replace(at, value.size() + 2, value);
        }
    }
    auto const call = one(body);
    EXPECT_EQ(call->billable_ms, 65'039);
    EXPECT_EQ(call->billsec_ms, 66'000);
}

TEST(freeswitch_decoder, times_of_no_call_are_refused) {
    struct sample {
        members changes;
        std::string fault;
    };
    for (auto const& [changes, fault] : std::vector<sample>{
             {{{"end_uepoch", "0"}}, "bad_times end_epoch"},
             {{{"end_uepoch", "1772359100000000"}}, "bad_times end_epoch"},
             {{{"duration", "-1772359200"}}, "bad_times duration"},
             {{{"billsec", "-1772359200"}}, "bad_times billsec"},
             {{{"answer_uepoch", "1772359300000000"}}, "bad_times answer_epoch"},
             {{{"answer_uepoch", "1772359100000000"}}, "bad_times answer_epoch"},
             {{{"start_uepoch", "0"}}, "missing_field start_epoch"},
             {{{"start_uepoch", "soon"}}, "bad_time start_epoch"},
             {{{"end_uepoch", "9999999999999999999"}}, "bad_time end_epoch"},
             {{{"billsec", "NaN"}}, "bad_number billsec"},
             {{{"uuid", std::string(1025, 'x')}}, "field_too_long uuid"},
             {{{"accountcode", std::string(257, 'x')}}, "field_too_long accountcode"},
         }) {
        EXPECT_EQ(faults(*decode("freeswitch", record(with(changes)))), texts{fault});
    }
    auto const nowhere = with({{"sip_req_user", "absent"}});
    EXPECT_EQ(faults(*decode("freeswitch", record(nowhere, ""))),
              texts{"missing_field destination_number"});
    EXPECT_EQ(faults(*decode("freeswitch", R"({"some":"thing"})")),
              texts{"missing_field variables"});
}

TEST(freeswitch_decoder, the_direction_is_the_subscribers) {
    auto const direction = [](members const& changes, std::string const& callflow_more = {}) {
        auto const call = one(
            record(with(changes), ",\"callflow\":" + profile(1, "+919876543210", callflow_more)));
        return call->direction;
    };
    constexpr auto in = call_direction::inbound;
    constexpr auto out = call_direction::outbound;
    std::string const absent = "absent";
    EXPECT_EQ(direction({}), out) << "arrived from a known user";
    EXPECT_EQ(direction({{"accountcode", absent}}), in) << "arrived from a trunk";
    EXPECT_EQ(direction({{"accountcode", absent}, {"sip_auth_username", "1001"}}), out);
    EXPECT_EQ(direction({{"accountcode", absent}, {"direction", "outbound"}}), out);
    EXPECT_EQ(direction({{"direction", "outbound"}}), out);
    EXPECT_EQ(direction({{"call_direction", "inbound"}}), in) << "the dialplan's word wins";
    EXPECT_EQ(direction({{"tally_direction", "inbound"}, {"call_direction", "outbound"}}), in);
    EXPECT_EQ(direction({{"call_direction", "outbound"}, {"accountcode", absent}}), out);
    EXPECT_EQ(direction({{"call_direction", "local"}, {"accountcode", absent}}), out);
    EXPECT_EQ(direction({{"direction", absent}, {"accountcode", absent}}), in)
        << "channel_data says inbound";
    EXPECT_EQ(direction({{"direction", absent}, {"accountcode", absent}},
                        R"(,"originator":{"originator_caller_profiles":[{"uuid":"x"}]})"),
              out)
        << "a called leg was made by the switch";
}

TEST(freeswitch_decoder, called_legs_are_taken_or_skipped) {
    std::string const b_leg = record(
        answered, ",\"callflow\":" +
                      profile(1, "99", R"(,"originator":{"originator_caller_profiles":[{}]})"));
    EXPECT_NE(one(b_leg)->metadata.find(R"("leg":"b")"), std::string::npos);
    source from;
    from.b_legs = b_leg_policy::skip;
    auto const batch = decode("freeswitch", "[" + b_leg + "," + record() + "," + b_leg + "]", from);
    EXPECT_EQ(batch->skipped, 2u);
    EXPECT_EQ(batch->cdrs.size(), 1u);
    EXPECT_EQ(batch->cdr_index, std::vector<std::uint32_t>{1});
    auto const by_variable = record(with({{"originating_leg_uuid", "x"}}));
    EXPECT_EQ(decode("freeswitch", by_variable, from)->skipped, 1u);
    auto const originatee =
        record(answered,
               ",\"callflow\":" + profile(1, "99", R"(,"originatee":{"x":[{}]},"originator":{})"));
    EXPECT_EQ(decode("freeswitch", originatee, from)->cdrs.size(), 1u) << "who called is a leg a";
}

TEST(freeswitch_decoder, finds_the_call_id_wherever_it_is) {
    auto const expected = *parse_uuid(call_uuid);
    std::string const id(call_uuid);
    std::string const in_profile = ",\"uuid\":\"a_" + id + "\"";
    EXPECT_EQ(one(record(with({{"uuid", "a_" + id}})))->id, expected);
    EXPECT_EQ(one(record(with({{"uuid", "b_" + id}})))->id, expected);
    EXPECT_EQ(
        one(record(with({{"uuid", "absent"}}), ",\"callflow\":" + profile(1, "9", in_profile)))->id,
        expected);
    auto const none = record(with({{"uuid", "absent"}}));
    EXPECT_EQ(one(record(with({{"uuid", "absent"}, {"call_uuid", id}})))->id, expected);
    for (std::string const& query : {"uuid=" + id, "tenant=7?uuid=" + id, "x=1&uuid=" + id,
                                     "uuid=wrong?uuid=a_" + id, "uuid=" + id + "&y=2"}) {
        EXPECT_EQ(one(none, {}, query)->id, expected) << query;
    }
    EXPECT_EQ(faults(*decode("freeswitch", none)), texts{"bad_uuid uuid"});
    EXPECT_EQ(faults(*decode("freeswitch", none, {}, "myuuid=" + id)), texts{"bad_uuid uuid"});
    auto const odd = one(record(with({{"uuid", "call 7"}})));
    EXPECT_EQ(odd->id, uuid_v5(call_id_name_space, "call 7"));
    EXPECT_TRUE(odd->metadata.starts_with(R"({"call_id":"call 7",)"));
}

TEST(freeswitch_decoder, a_body_that_cannot_be_read_is_one_rejected_record) {
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
        EXPECT_EQ(batch->whole_error, record_error::none);
    }
    EXPECT_EQ(decode("freeswitch", trap)->rejected.at(0).raw, trap);
}

TEST(freeswitch_decoder, takes_many_records_in_one_body) {
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

TEST(freeswitch_decoder, what_it_keeps_of_a_record_decodes_again) {
    auto const batch =
        decode("freeswitch", "cdr=" + to_base64("[" + record() + "," + record() + "]"));
    for (auto const& call : batch->cdrs) {
        auto const again = one(std::string(call.raw));
        EXPECT_EQ(again->id, call.id);
        EXPECT_EQ(again->metadata, call.metadata);
    }
}

} // namespace
} // namespace tally::tests
