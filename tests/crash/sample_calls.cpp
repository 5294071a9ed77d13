#include "tests/crash/sample_calls.hpp"

#include "tests/crash/repeatable_random.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/json_object.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace tally::crash {

namespace {

constexpr std::int64_t day_s = 86'400;
/// 2026-03-31, 04-01, 04-30, 05-01: the days around the ends of two billing periods.
constexpr std::array<std::int64_t, 4> days{1'774'915'200, 1'775'001'600, 1'777'507'200,
                                           1'777'593'600};
constexpr std::string_view id_prefix = "c4a50000-0000-4000-8000-";

bool is_push_from_switch(std::uint64_t seed, std::uint64_t index) {
    return mixed(seed ^ 0x5917c4, index) % 4 == 0;
}

record_form form_of(bool is_from_switch, std::uint64_t dice) {
    if (is_from_switch) {
        return dice % 16 == 0 ? record_form::unreadable : record_form::from_switch;
    }
    switch (dice % 24) {
    case 0:
        return record_form::unknown_number;
    case 1:
        return record_form::refused;
    default:
        return dice % 3 == 0 ? record_form::by_account : record_form::by_number;
    }
}

std::string destination_of(sample_call const& call) {
    switch (call.target) {
    case where_to::national:
        return "+919812345678";
    case where_to::elsewhere:
        return "+33140000000";
    case where_to::london:
        return "+442071838750";
    case where_to::inbound:
        break;
    }
    return "+" + tests::did_of(call.account);
}

std::string caller_of(sample_call const& call) {
    if (call.form == record_form::unknown_number) {
        return "+4930" + std::to_string(call.number);
    }
    return call.target == where_to::inbound ? "+15550100" : "+" + tests::did_of(call.account);
}

std::string_view direction_of(sample_call const& call) {
    return call.target == where_to::inbound ? "inbound" : "outbound";
}

std::string canonical_text(sample_call const& call) {
    tests::json_object json;
    json.with("uuid", id_of(call.number));
    if (call.form == record_form::by_account) {
        json.with("account_number", "ACC-" + std::to_string(call.account));
    }
    json.with("direction", direction_of(call)).with("caller_id", caller_of(call));
    json.with("destination", destination_of(call)).with("start_time", call.start_s);
    if (call.form != record_form::refused) {
        json.with("end_time", call.start_s + call.seconds);
    }
    return json.with("duration", call.seconds).with("billsec", call.seconds).line();
}

std::string switch_text(sample_call const& call) {
    if (call.form == record_form::unreadable) {
        return tests::json_object{}.with("torn", id_of(call.number)).line();
    }

    // A switch sends its numbers as text.
    auto const start = std::to_string(call.start_s);
    auto const seconds = std::to_string(call.seconds);
    tests::json_object variables;
    variables.with("uuid", id_of(call.number)).with("tally_direction", direction_of(call));
    variables.with("start_epoch", start).with("answer_epoch", start);
    variables.with("end_epoch", std::to_string(call.start_s + call.seconds));
    variables.with("duration", seconds).with("billsec", seconds);
    variables.with("hangup_cause", "NORMAL_CLEARING");

    tests::json_object profile;
    profile.with("caller_id_number", caller_of(call));
    profile.with("destination_number", destination_of(call));
    auto const leg = tests::json_object{}.with_json("caller_profile", profile.text()).text();
    return tests::json_object{}
        .with_json("variables", variables.text())
        .with_json("callflow", "[" + leg + "]")
        .line();
}

} // namespace

std::string id_of(std::uint64_t number) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%012llx", static_cast<unsigned long long>(number));
    return std::string{id_prefix} + digits;
}

std::uint64_t number_of(std::string_view id) {
    return std::stoull(std::string{id.substr(id_prefix.size(), 12)}, nullptr, 16);
}

std::uint64_t number_in(std::string_view text) {
    auto const cursor = text.find(id_prefix);
    if (cursor == std::string_view::npos) {
        throw std::runtime_error{"a record that was never sent: " + std::string{text}};
    }
    return number_of(text.substr(cursor));
}

std::string sample_call::text() const {
    return form == record_form::from_switch || form == record_form::unreadable
               ? switch_text(*this)
               : canonical_text(*this);
}

sample_call call_of(std::uint64_t seed, std::uint64_t number) {
    auto const dice = mixed(seed, number);
    sample_call made;
    made.number = number;
    made.form = form_of(is_push_from_switch(seed, number / sample_push::numbers), dice >> 40);
    made.account = 1 + static_cast<int>(dice % accounts);
    made.target = static_cast<where_to>((dice >> 8) % 4);
    if (made.form == record_form::unknown_number && made.target == where_to::inbound) {
        made.target = where_to::elsewhere; // otherwise the called number could identify a payer
    }
    made.seconds = static_cast<std::int64_t>((dice >> 16) % 128); // none: not answered, for free
    made.start_s =
        days[(dice >> 24) % days.size()] + static_cast<std::int64_t>((dice >> 32) % day_s);
    return made;
}

std::string sample_push::target() const {
    return is_from_switch ? "/v1/cdrs/freeswitch" : "/v1/cdrs";
}

std::string sample_push::body() const {
    std::string text;
    for (auto const& call : calls) {
        text += call.text();
    }
    return text;
}

std::uint64_t sample_push::refused() const {
    std::uint64_t count = 0;
    for (auto const& call : calls) {
        count += call.form == record_form::refused ? 1U : 0U;
    }
    return count;
}

sample_push push_of(std::uint64_t seed, std::uint64_t index, std::uint64_t calls_max) {
    sample_push made;
    made.index = index;
    made.is_from_switch = is_push_from_switch(seed, index);
    // A switch sends one call per push, or a file of calls that it had to keep.
    auto const most = made.is_from_switch ? 8 : sample_push::numbers;
    auto const count = std::min(1 + mixed(~seed, index) % most, calls_max);
    for (std::uint64_t i = 0; i < count; ++i) {
        made.calls.push_back(call_of(seed, index * sample_push::numbers + i));
    }
    return made;
}

} // namespace tally::crash
