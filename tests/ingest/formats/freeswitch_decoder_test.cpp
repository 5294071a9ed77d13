#include "tests/ingest/formats/freeswitch_records.hpp"

#include <gtest/gtest.h>

namespace tally::tests::freeswitch {
namespace {

using namespace ingest;
using texts = std::vector<std::string>;

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
    source source;
    source.time_zone = "Asia/Kolkata";
    members const no_us{
        {"start_uepoch", "absent"}, {"answer_uepoch", "absent"}, {"end_uepoch", "absent"}};
    auto const seconds = one(record(with(no_us)), source);
    EXPECT_EQ(seconds->answer, at("2026-03-01T10:00:11Z"));
    EXPECT_EQ(seconds->billable_ms, 66'000);
    EXPECT_FALSE(seconds->zone_assumed);
    members no_epoch = no_us;
    no_epoch.insert(
        {{"start_epoch", "absent"}, {"answer_epoch", "absent"}, {"end_epoch", "absent"}});
    no_epoch.insert({"start_stamp", "2026-03-01%2010%3A00%3A00"});
    auto const stamps = one(record(with(no_epoch)), source);
    EXPECT_EQ(stamps->start, at("2026-03-01T04:30:00Z"));
    EXPECT_EQ(stamps->billable_ms, 66'000);
    EXPECT_TRUE(stamps->zone_assumed);
    std::string callflow = ",\"callflow\":" + profile(1, "99");
    callflow.replace(callflow.find("\"answered_time\":\"0\""), 19,
                     "\"answered_time\":\"1772359211961000\"");
    callflow.replace(callflow.find("\"hangup_time\":\"0\""), 17,
                     "\"hangup_time\":\"1772359277000500\"");
    auto const flow = one(record(only({}), callflow), source);
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
        for (std::size_t index = 0; (index = body.find(quoted(value), index)) != body.npos;) {
            body.replace(index, value.size() + 2, value);
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
    constexpr auto input = call_direction::inbound;
    constexpr auto out = call_direction::outbound;
    std::string const absent = "absent";
    EXPECT_EQ(direction({}), out) << "arrived from a known user";
    EXPECT_EQ(direction({{"accountcode", absent}}), input) << "arrived from a trunk";
    EXPECT_EQ(direction({{"accountcode", absent}, {"sip_auth_username", "1001"}}), out);
    EXPECT_EQ(direction({{"accountcode", absent}, {"direction", "outbound"}}), out);
    EXPECT_EQ(direction({{"direction", "outbound"}}), out);
    EXPECT_EQ(direction({{"call_direction", "inbound"}}), input) << "the dialplan's word wins";
    EXPECT_EQ(direction({{"tally_direction", "inbound"}, {"call_direction", "outbound"}}), input);
    EXPECT_EQ(direction({{"call_direction", "outbound"}, {"accountcode", absent}}), out);
    EXPECT_EQ(direction({{"call_direction", "local"}, {"accountcode", absent}}), out);
    EXPECT_EQ(direction({{"direction", absent}, {"accountcode", absent}}), input)
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
    source source;
    source.b_legs = b_leg_policy::skip;
    auto const batch =
        decode("freeswitch", "[" + b_leg + "," + record() + "," + b_leg + "]", source);
    EXPECT_EQ(batch->skipped, 2u);
    EXPECT_EQ(batch->cdrs.size(), 1u);
    EXPECT_EQ(batch->cdr_index, std::vector<std::uint32_t>{1});
    auto const by_variable = record(with({{"originating_leg_uuid", "x"}}));
    EXPECT_EQ(decode("freeswitch", by_variable, source)->skipped, 1u);
    auto const originatee =
        record(answered,
               ",\"callflow\":" + profile(1, "99", R"(,"originatee":{"x":[{}]},"originator":{})"));
    EXPECT_EQ(decode("freeswitch", originatee, source)->cdrs.size(), 1u) << "who called is a leg a";
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

} // namespace
} // namespace tally::tests::freeswitch
