#include "tests/ingest/formats/freeswitch_records.hpp"

#include <gtest/gtest.h>

namespace tally::tests::freeswitch {

using namespace ingest;

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

std::string profile(int index, std::string const& destination, std::string const& more) {
    return R"({"dialplan":"XML","profile_index":")" + std::to_string(index) +
           R"(","extension":{"applications":[{"app_name":"bridge"}]},"caller_profile":{)" +
           R"("username":"1001","caller_id_name":"Jo \"J\" A","caller_id_number":"+442071838750",)" +
           R"("network_addr":"192.0.2.1","destination_number":")" + destination + "\"" + more +
           R"(},"times":{"created_time":"1772359200250000","answered_time":"0","hangup_time":"0"}})";
}

std::string record(members const& variables, std::string const& callflow) {
    return R"({"core-uuid":"c0","switchname":"fs1","channel_data":{"state":"CS_REPORTING",)"
           R"("direction":"inbound"},"variables":)" +
           object_of(variables) + R"(,"app_log":{"applications":[{"app_name":"set"}]})" + callflow +
           "}";
}

members with(members const& changes) {
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

decoded_call one(std::string const& body, source const& source, std::string_view query) {
    auto batch = decode("freeswitch", body, source, query);
    EXPECT_EQ(faults(*batch), std::vector<std::string>{}) << body.substr(0, 200);
    EXPECT_EQ(batch->cdrs.size(), 1u);
    return {std::move(batch)};
}

} // namespace tally::tests::freeswitch
