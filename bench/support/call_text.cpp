#include "bench/support/call_text.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace tally::bench {
namespace {

/// A moment in UTC, cut into fields.
struct civil_time {
    int year;
    unsigned month, day;
    int hour, minute, second, millisecond;

    explicit civil_time(ingest::time_us t) {
        using namespace std::chrono;
        sys_time<microseconds> const moment{microseconds{t}};
        auto const midnight = floor<days>(moment);
        year_month_day const date{midnight};
        hh_mm_ss const time{floor<milliseconds>(moment - midnight)};
        year = static_cast<int>(date.year());
        month = static_cast<unsigned>(date.month());
        day = static_cast<unsigned>(date.day());
        hour = static_cast<int>(time.hours().count());
        minute = static_cast<int>(time.minutes().count());
        second = static_cast<int>(time.seconds().count());
        millisecond = static_cast<int>(time.subseconds().count());
    }
};

template <typename... Values>
void append_formatted(std::string& out, char const* format, Values... values) {
    std::array<char, 128> text{};
    int const length = std::snprintf(text.data(), text.size(), format, values...);
    out.append(text.data(), static_cast<std::size_t>(length));
}

/// 2026-01-05T08:15:30.250Z
void append_rfc3339(ingest::time_us t, std::string& out) {
    civil_time const c{t};
    append_formatted(out, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour,
                     c.minute, c.second, c.millisecond);
}

/// 2026-01-05 08:15:30
void append_stamp(ingest::time_us t, std::string& out, char const* gap = " ",
                  char const* colon = ":") {
    civil_time const c{t};
    append_formatted(out, "%04d-%02u-%02u%s%02d%s%02d%s%02d", c.year, c.month, c.day, gap, c.hour,
                     colon, c.minute, colon, c.second);
}

void append_number(std::int64_t value, std::string& out) {
    append_formatted(out, "%lld", static_cast<long long>(value));
}

void append_text(std::string_view key, std::string_view value, std::string& out) {
    out.append("\"").append(key).append("\":\"").append(value).append("\",");
}

/// Percent-encodes as mod_json_cdr's encode-values does, for the characters that occur here.
std::string percent_encoded(std::string_view value) {
    std::string encoded;
    for (char const c : value) {
        if (c == '+' || c == ':' || c == ' ' || c == '@' || c == ';' || c == '=' || c == ',') {
            append_formatted(encoded, "%%%02X", static_cast<unsigned>(c));
        } else {
            encoded += c;
        }
    }
    return encoded;
}

std::string without_plus(std::string const& number) {
    return number.starts_with('+') ? number.substr(1) : number;
}

void append_time_variables(std::string_view name, ingest::time_us t, std::string& out) {
    bool const is_known = t != ingest::never_us;
    if (is_known) {
        out.append("\"").append(name).append("_stamp\":\"");
        append_stamp(t, out, "%20", "%3A");
        out += "\",";
    }
    for (auto const& [suffix, unit] : {std::pair{"_epoch", ingest::us_per_s}, {"_uepoch", 1L}}) {
        out.append("\"").append(name).append(suffix).append("\":\"");
        append_number(is_known ? t / unit : 0, out);
        out += "\",";
    }
}

void append_count_variable(std::string_view name, std::int64_t value, std::string& out) {
    out.append("\"").append(name).append("\":\"");
    append_number(value, out);
    out += "\",";
}

/// Fields that are the same in every call of a switch. Billing does not need them, but every
/// decoder must skip them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 34> channel_variables{{
    {"session_id", "84213"},
    {"sip_from_user_stripped", "918000000001"},
    {"sofia_profile_name", "internal"},
    {"sofia_profile_url", "sip%3Amod_sofia%40192.0.2.10%3A5060"},
    {"recovery_profile_name", "internal"},
    {"sip_via_protocol", "udp"},
    {"sip_received_ip", "192.0.2.44"},
    {"sip_received_port", "5062"},
    {"sip_cseq", "101"},
    {"sip_req_host", "sip.example.net"},
    {"sip_req_port", "5060"},
    {"sip_to_host", "sip.example.net"},
    {"sip_from_host", "sip.example.net"},
    {"sip_user_agent", "Example%20Phone%204.2.7"},
    {"max_forwards", "70"},
    {"domain_name", "sip.example.net"},
    {"user_context", "default"},
    {"toll_allow", "domestic%2Cinternational%2Clocal"},
    {"effective_caller_id_name", "Extension%201001"},
    {"outbound_caller_id_name", "Example%20Company"},
    {"call_timeout", "60"},
    {"hangup_after_bridge", "true"},
    {"continue_on_fail", "NORMAL_TEMPORARY_FAILURE%2CTIMEOUT"},
    {"ep_codec_string", "mod_spandsp.G722%408000h%4020i%4064000b"},
    {"rtp_use_codec_string", "PCMU%2CPCMA%2CG722"},
    {"remote_media_ip", "192.0.2.44"},
    {"remote_media_port", "11784"},
    {"local_media_ip", "192.0.2.10"},
    {"local_media_port", "22518"},
    {"read_codec", "PCMA"},
    {"read_rate", "8000"},
    {"write_codec", "PCMA"},
    {"rtp_audio_in_media_bytes", "1067420"},
    {"rtp_audio_out_media_bytes", "1066560"},
}};

void append_variables(sample_call const& call, std::string& out) {
    std::string const id = ingest::to_string(call.id);
    out += "\"variables\":{\"direction\":\"inbound\",";
    append_text("uuid", id, out);
    append_text("call_uuid", id, out);
    append_text("accountcode", account_number(call.subscriber), out);
    for (auto const& [name, value] : channel_variables) {
        append_text(name, value, out);
    }
    append_text("sip_from_user", percent_encoded(call.caller_id), out);
    append_text("sip_req_user", percent_encoded(call.destination), out);
    append_text("sip_call_id", id + "%40192.0.2.44", out);
    append_time_variables("start", call.start, out);
    append_time_variables("answer", call.answer, out);
    append_time_variables("end", call.end, out);
    append_count_variable("duration", call.duration_s(), out);
    append_count_variable("billsec", call.billsec_s(), out);
    append_count_variable("mduration", (call.end - call.start) / 1000, out);
    append_count_variable("billusec", call.answer == ingest::never_us ? 0 : call.end - call.answer,
                          out);
    append_text("hangup_cause", call.hangup_cause, out);
    out += "\"hangup_cause_q850\":\"16\"},";
}

void append_callflow(sample_call const& call, std::string& out) {
    out +=
        R"("callflow":[{"dialplan":"XML","profile_index":"1","extension":{"name":"outbound","number":")";
    out += call.destination;
    out +=
        R"(","applications":[{"app_name":"set","app_data":"hangup_after_bridge=true"},)"
        R"({"app_name":"bridge","app_data":"sofia/gateway/carrier/number"}]},"caller_profile":{)";
    append_text("username", account_number(call.subscriber), out);
    append_text("dialplan", "XML", out);
    append_text("caller_id_name", "Example Company", out);
    append_text("ani", call.caller_id, out);
    append_text("caller_id_number", call.caller_id, out);
    append_text("network_addr", "192.0.2.44", out);
    append_text("destination_number", call.destination, out);
    append_text("uuid", ingest::to_string(call.id), out);
    out +=
        R"("source":"mod_sofia","context":"default","chan_name":"sofia/internal/phone"},"times":{)";
    append_count_variable("created_time", call.start, out);
    append_count_variable("profile_created_time", call.start, out);
    append_count_variable("answered_time", call.answer == ingest::never_us ? 0 : call.answer, out);
    append_count_variable("hangup_time", call.end, out);
    out += R"("transfer_time":"0"}}])";
}

} // namespace

void append_canonical(sample_call const& call, std::string& out) {
    out += "{";
    append_text("uuid", ingest::to_string(call.id), out);
    if (call.named == named_by::account) {
        append_text("account_number", account_number(call.subscriber), out);
    } else if (call.named == named_by::subscription) {
        append_text("subscription_number", subscription_number(call.subscriber), out);
    }
    bool const is_outbound = call.direction == ingest::call_direction::outbound;
    append_text("direction", is_outbound ? "outbound" : "inbound", out);
    append_text("caller_id", call.caller_id, out);
    append_text("destination", call.destination, out);
    out += "\"start_time\":\"";
    append_rfc3339(call.start, out);
    if (call.answer != ingest::never_us) {
        out += "\",\"answer_time\":\"";
        append_rfc3339(call.answer, out);
    }
    out += "\",\"end_time\":\"";
    append_rfc3339(call.end, out);
    out += "\",\"duration\":";
    append_number(call.duration_s(), out);
    out += ",\"billsec\":";
    append_number(call.billsec_s(), out);
    out.append(",\"hangup_cause\":\"").append(call.hangup_cause).append("\"");
    if (call.trunk != 0) {
        out += ",\"metadata\":{\"trunk\":\"carrier-";
        append_number(call.trunk, out);
        out += "\",\"codec\":\"PCMA\"}";
    }
    out += "}\n";
}

void append_freeswitch(sample_call const& call, std::string& out) {
    out += R"({"core-uuid":"5f0d3c1e-5a3c-4a2b-9a53-0d6f5b8f2c11","switchname":"switch1",)"
           R"("channel_data":{"state":"CS_REPORTING","direction":"inbound","state_number":"11",)"
           R"("flags":"0=1;1=1;37=1;38=1;40=1;43=1;48=1;53=1;106=1;113=1;122=1;160=1"},)";
    append_variables(call, out);
    out += R"("app_log":{"applications":[{"app_name":"set","app_data":"ringback=${us-ring}"},)"
           R"({"app_name":"bridge","app_data":"sofia/gateway/carrier/number"}]},)";
    append_callflow(call, out);
    out += "}";
}

void append_asterisk(sample_call const& call, std::string& out) {
    std::string const source = without_plus(call.caller_id);
    std::string const target = without_plus(call.destination);
    out.append("\"").append(account_number(call.subscriber)).append("\",\"").append(source);
    out.append("\",\"").append(target).append("\",\"outbound\",\"\"\"Example\"\" <").append(source);
    out.append(">\",\"PJSIP/phone-0000a1\",\"PJSIP/carrier-0000a2\",\"Dial\",\"PJSIP/");
    out.append(target).append("@carrier,60\",\"");
    append_stamp(call.start, out);
    out += "\",";
    if (call.answer != ingest::never_us) {
        out += "\"";
        append_stamp(call.answer, out);
        out += "\"";
    }
    out += ",\"";
    append_stamp(call.end, out);
    out += "\",";
    append_number(call.duration_s(), out);
    out += ",";
    append_number(call.billsec_s(), out);
    out += call.answer == ingest::never_us ? ",\"NO ANSWER\"" : ",\"ANSWERED\"";
    out += ",\"DOCUMENTATION\",\"";
    append_number(call.start / ingest::us_per_s, out);
    append_formatted(out, ".%u", static_cast<unsigned>(call.id.bytes[14] << 8 | call.id.bytes[15]));
    out += "\",\"\"\n";
}

} // namespace tally::bench
