#include "ingest/formats/freeswitch_record.hpp"

#include "ingest/decode/call_times.hpp"
#include "ingest/json/utf8_text.hpp"
#include "ingest/text/ascii.hpp"
#include "ingest/text/decimal.hpp"
#include "ingest/text/percent_base64.hpp"
#include "ingest/text/trim.hpp"

#include <initializer_list>
#include <string>

namespace tally::ingest {
namespace {

using variable = freeswitch_variable;
using member = freeswitch_profile_member;
using form = time_reading::form;

/// The fields that have one of a call's times, in order of preference.
struct time_fields {
    variable microseconds;
    variable seconds;
    variable stamp;
    member in_profile;
};

/// mod_xml_cdr and others put the leg before the id in some fields.
std::string_view without_leg_prefix(std::string_view id) noexcept {
    return id.starts_with("a_") || id.starts_with("b_") ? id.substr(2) : id;
}

/// Microseconds since 1970; 0 is never.
time_reading read_microseconds(std::string_view text) noexcept {
    auto const us = parse_decimal(text, 0);
    if (!us || *us < 0 || *us >= time_us_max) {
        return {form::unreadable, 0};
    }
    return *us == 0 ? time_reading{} : time_reading{form::utc, *us};
}

class freeswitch_reader {
  public:
    freeswitch_reader(freeswitch_tokens const& tokens, source const& source,
                      std::string_view query_uuid, text_arena& arena, cdr& out) noexcept
        : tokens_(tokens), source_(source), query_uuid_(query_uuid), arena_(arena), out_(out) {}

    record_fault run() {
        if (!tokens_.has_variables && !tokens_.has_profile) {
            return {record_error::missing_field, "variables",
                    "neither variables nor a callflow: not a record of mod_json_cdr"};
        }
        // Parties before the direction, which asks for the account; durations before the times,
        // which they help to choose.
        parties();
        direction();
        bool const ok = identity() && numbers_fit() && durations() && times();
        if (ok) {
            metadata();
        }
        return ok ? record_fault{} : fault_;
    }

  private:
    bool fail(record_error error, std::string_view field, std::string_view detail) noexcept {
        fault_ = {error, field, detail};
        return false;
    }
    json_token const& token(variable name) const noexcept {
        return tokens_.variables[static_cast<std::size_t>(name)];
    }
    /// A variable's value, decoded according to the source's percent policy.
    std::string_view value(variable name) {
        std::string_view text = text_of(token(name), arena_);
        if (source_.percent != percent_policy::never) {
            text = percent_decode(text, plus_sign::is_plus, 0, arena_);
        }
        return trimmed(sanitize_text(text, arena_));
    }
    /// Profiles are not percent-encoded, whatever the setting.
    std::string_view value(freeswitch_profile const& profile, member name) {
        return trimmed(text_of(profile[static_cast<std::size_t>(name)], arena_));
    }
    std::string_view first_of(std::initializer_list<variable> candidates) {
        for (variable const candidate : candidates) {
            if (auto const found = value(candidate); !found.empty()) {
                return found;
            }
        }
        return {};
    }
    /// A member of the oldest profile, since a transfer changes the newer ones.
    std::string_view from_profiles(member name) {
        auto const found = value(tokens_.oldest, name);
        return found.empty() ? value(tokens_.newest, name) : found;
    }

    void parties();
    void direction();
    bool identity();
    bool numbers_fit();
    bool durations();
    bool duration_of(variable seconds, variable milliseconds, std::int64_t& out_ms, bool& is_said);
    bool says(time_fields const& fields, freeswitch_profile const& profile) const noexcept;
    time_reading read_time_of(time_fields const& fields, freeswitch_profile const& profile);
    bool times();
    void complete_durations() noexcept;
    void metadata();

    freeswitch_tokens const& tokens_;
    source const& source_;
    std::string_view query_uuid_;
    text_arena& arena_;
    cdr& out_;
    std::string_view call_id_;
    bool duration_is_said_ = false;
    bool billsec_is_said_ = false;
    record_fault fault_;
};

constexpr time_fields start_fields{variable::start_uepoch, variable::start_epoch,
                                   variable::start_stamp, member::created_time};
constexpr time_fields answer_fields{variable::answer_uepoch, variable::answer_epoch,
                                    variable::answer_stamp, member::answered_time};
constexpr time_fields end_fields{variable::end_uepoch, variable::end_epoch, variable::end_stamp,
                                 member::hangup_time};

void freeswitch_reader::parties() {
    // The order is that of docs/FORMATS.md: what the switch saw first comes first.
    out_.caller_id = from_profiles(member::caller_id_number);
    if (out_.caller_id.empty()) {
        out_.caller_id = from_profiles(member::ani);
    }
    if (out_.caller_id.empty()) {
        out_.caller_id = first_of({variable::caller_id_number, variable::sip_from_user,
                                   variable::effective_caller_id_number});
    }

    // The profile has what was dialed; variables may have been rewritten by the dialplan.
    out_.destination = from_profiles(member::destination_number);
    if (out_.destination.empty()) {
        out_.destination = first_of({variable::destination_number, variable::dialed_number,
                                     variable::sip_req_user, variable::sip_to_user});
    }
    out_.account_number = value(variable::accountcode);
    out_.hangup_cause = value(variable::hangup_cause);
}

void freeswitch_reader::direction() {
    auto const text = first_of({variable::tally_direction, variable::call_direction});
    // The operator's own word decides: the dialplan knows which leg is a customer's.
    if (equal_ignoring_case(text, "inbound")) {
        out_.direction = call_direction::inbound;
        return;
    }

    // Without a variable, the switch's own view of the leg is all there is (freeswitch_decoder.hpp,
    // Direction).
    out_.direction_assumed = text.empty();
    auto leg = value(variable::direction);
    if (leg.empty()) {
        leg = trimmed(text_of(tokens_.channel_direction, arena_));
    }

    // Every leg that arrives at the switch is inbound for it, a subscriber's too; a leg of a known
    // user is outbound for us.
    bool const is_made_by_switch = equal_ignoring_case(leg, "outbound") || is_b_leg(tokens_);
    bool const is_from_user =
        !out_.account_number.empty() || !value(variable::sip_auth_username).empty();
    bool const is_outbound = equal_ignoring_case(text, "outbound") ||
                             equal_ignoring_case(text, "local") || is_made_by_switch ||
                             is_from_user;
    out_.direction = is_outbound ? call_direction::outbound : call_direction::inbound;
}

bool freeswitch_reader::identity() {
    // In the order of trust: the record's own id, then copies of it, then the one of the URL.
    call_id_ = value(variable::uuid);
    if (call_id_.empty()) {
        call_id_ = from_profiles(member::uuid);
    }
    if (call_id_.empty()) {
        call_id_ = value(variable::call_uuid);
    }
    if (call_id_.empty()) {
        call_id_ = sanitize_text(query_uuid_, arena_);
    }

    call_id_ = without_leg_prefix(call_id_);
    if (call_id_.empty()) {
        return fail(record_error::bad_uuid, "uuid", "no call id in the record, nor in the URL");
    }

    // The id goes into the metadata, which has the limit of any text.
    if (call_id_.size() > text_bytes_max) {
        return fail(record_error::field_too_long, "uuid", "over 1024 bytes");
    }

    // A call id that is not a UUID is kept in the metadata.
    auto const id = parse_uuid(call_id_);
    out_.id = id ? *id : uuid_v5(call_id_name_space, call_id_);
    if (id) {
        call_id_ = {};
    }
    return true;
}

bool freeswitch_reader::numbers_fit() {
    if (out_.destination.empty()) {
        return fail(record_error::missing_field, "destination_number",
                    "no dialed number in the callflow, nor in the variables");
    }
    if (out_.destination.size() > number_bytes_max) {
        return fail(record_error::field_too_long, "destination_number", "over 256 bytes");
    }
    if (out_.caller_id.size() > number_bytes_max) {
        return fail(record_error::field_too_long, "caller_id_number", "over 256 bytes");
    }
    if (out_.account_number.size() > number_bytes_max) {
        return fail(record_error::field_too_long, "accountcode", "over 256 bytes");
    }
    return out_.hangup_cause.size() <= text_bytes_max ||
           fail(record_error::field_too_long, "hangup_cause", "over 1024 bytes");
}

/// Reads a duration as the switch reports it, in seconds or else in milliseconds.
bool freeswitch_reader::duration_of(variable seconds, variable milliseconds, std::int64_t& out_ms,
                                    bool& is_said) {
    bool const in_seconds = !token(seconds).is_absent();
    variable const name = in_seconds ? seconds : milliseconds;
    auto const text = value(name);
    if (text.empty()) {
        return true;
    }

    // The switch writes both units, but configurations may leave either out.
    std::string_view const field = freeswitch_variable_keys.name(static_cast<std::size_t>(name));
    auto const ms = parse_decimal(text, in_seconds ? 3 : 0);
    if (!ms) {
        return fail(record_error::bad_number, field, "expected a number");
    }

    // A negative one is not a number out of range: the switch subtracts the start from an end of 0.
    if (*ms < 0) {
        return fail(record_error::bad_times, field,
                    "the switch never set the call's end, so its duration is negative");
    }
    if (*ms > duration_ms_max) {
        return fail(record_error::bad_duration, field, "the duration is over 68 years");
    }
    out_ms = *ms;
    is_said = true;
    return true;
}

bool freeswitch_reader::durations() {
    return duration_of(variable::duration, variable::mduration, out_.duration_ms,
                       duration_is_said_) &&
           duration_of(variable::billsec, variable::billmsec, out_.billsec_ms, billsec_is_said_);
}

/// Whether the record has a value for that time, even if it means "never".
bool freeswitch_reader::says(time_fields const& fields,
                             freeswitch_profile const& profile) const noexcept {
    return !token(fields.microseconds).is_absent() || !token(fields.seconds).is_absent() ||
           !token(fields.stamp).is_absent() ||
           !profile[static_cast<std::size_t>(fields.in_profile)].is_absent();
}

/// Reads a time from the first field that has a value. There, 0 is the switch's value for "never".
time_reading freeswitch_reader::read_time_of(time_fields const& fields,
                                             freeswitch_profile const& profile) {
    if (!token(fields.microseconds).is_absent()) {
        return read_microseconds(value(fields.microseconds));
    }
    if (!token(fields.seconds).is_absent()) {
        return read_epoch(value(fields.seconds));
    }
    if (!token(fields.stamp).is_absent()) {
        return read_time_text(value(fields.stamp));
    }
    auto const text = value(profile, fields.in_profile);
    return text.empty() ? time_reading{} : read_microseconds(text);
}

bool freeswitch_reader::times() {
    read_times times;
    // A transfer begins a new profile: the call began in the oldest one and ended in the newest.
    times.start = read_time_of(start_fields, tokens_.oldest);
    times.answer = read_time_of(answer_fields, tokens_.newest);
    times.end = read_time_of(end_fields, tokens_.newest);
    times.duration_ms = out_.duration_ms;
    times.billsec_ms = out_.billsec_ms;

    // Some configurations leave the times out of the record, but not the durations.
    if (!says(end_fields, tokens_.newest) && duration_is_said_ && times.start.is != form::never) {
        times.end = {times.start.is, times.start.value + out_.duration_ms * 1000};
    }

    // A fault names the variable that most configurations write.
    times_fault const fault = settle_times(times, source_.time_zone, out_);
    if (fault.error != record_error::none) {
        static constexpr std::string_view fields[] = {"start_epoch", "answer_epoch", "end_epoch"};
        return fail(fault.error, fields[static_cast<std::size_t>(fault.stamp)], fault.detail);
    }

    // "Never answered" and "not stated" differ: only the second is filled in.
    if (!says(answer_fields, tokens_.newest) && out_.billsec_ms > 0) {
        out_.answer = out_.end - out_.billsec_ms * 1000;
    }
    complete_durations();
    return true;
}

/// Computes what is billed, and the durations that the switch did not report.
void freeswitch_reader::complete_durations() noexcept {
    // Billed is end minus answer from exact times; the switch's own billsec subtracts whole seconds
    // and differs by up to one.
    if (out_.answer != never_us) {
        out_.billable_ms = std::max<std::int64_t>(0, (out_.end - out_.answer) / 1000);
    }

    if (!duration_is_said_) {
        out_.duration_ms = (out_.end - out_.start) / 1000;
    }
    if (!billsec_is_said_) {
        out_.billsec_ms = out_.billable_ms;
    }
}

/// Keeps what helps to find the call again, at the switch and in a trace.
void freeswitch_reader::metadata() {
    static constexpr variable kept[] = {
        variable::sip_call_id,     variable::hangup_cause_q850, variable::sip_hangup_disposition,
        variable::sip_term_status, variable::read_codec,        variable::write_codec,
        variable::last_app,        variable::domain_name,
    };
    thread_local std::string built;
    built.clear();
    json_object_writer writer(built);

    // Empty values are left out by the writer.
    writer.member("call_id", call_id_);
    writer.member("leg", is_b_leg(tokens_) ? "b" : "a");
    writer.member("other_leg_uuid", first_of({variable::originating_leg_uuid, variable::bridge_uuid,
                                              variable::signal_bond}));
    auto const caller = from_profiles(member::caller_id_name);
    writer.member("caller_id_name", caller.empty() ? value(variable::caller_id_name) : caller);

    // The newest profile has the target of the last transfer.
    auto const transferred_to = value(tokens_.newest, member::destination_number);
    writer.member("transferred_to", transferred_to == out_.destination ? "" : transferred_to);
    writer.member("network_addr", from_profiles(member::network_addr));
    writer.member("context", from_profiles(member::context));
    for (variable const name : kept) {
        writer.member(freeswitch_variable_keys.name(static_cast<std::size_t>(name)), value(name));
    }
    writer.member("switchname", text_of(tokens_.switchname, arena_));
    writer.member("core_uuid", text_of(tokens_.core_uuid, arena_));
    writer.finish();
    out_.metadata = arena_.keep(built);
}

} // namespace

bool is_b_leg(freeswitch_tokens const& tokens) noexcept {
    auto const is_set = [&tokens](variable name) {
        return !tokens.variables[static_cast<std::size_t>(name)].is_absent();
    };
    return tokens.has_originator || is_set(variable::originating_leg_uuid) ||
           is_set(variable::originator);
}

record_fault read_freeswitch(freeswitch_tokens const& tokens, source const& source,
                             std::string_view query_uuid, text_arena& arena, cdr& out) {
    return freeswitch_reader(tokens, source, query_uuid, arena, out).run();
}

} // namespace tally::ingest
