#include "ingest/formats/canonical_record.hpp"

#include "ingest/decode/call_times.hpp"
#include "ingest/text/ascii.hpp"
#include "ingest/text/decimal.hpp"
#include "ingest/text/timestamp.hpp"

#include <string>

namespace tally::ingest {
namespace {

using kind = json_token::kind;
using key = canonical_key;

/// Reads one record. Every step returns false at the first fault, which ends the reading.
class canonical_reader {
  public:
    canonical_reader(canonical_tokens const& tokens, source const& source, text_arena& arena,
                     cdr& out) noexcept
        : tokens_(tokens), source_(source), arena_(arena), out_(out) {}

    record_fault run() {
        // In the order of the header's table: the first fault is the one that is reported.
        std::string_view call_id;
        bool const ok =
            text(key::uuid, text_bytes_max, true, call_id) &&
            text(key::account_number, number_bytes_max, false, out_.account_number) &&
            text(key::subscription_number, number_bytes_max, false, out_.subscription_number) &&
            direction() && caller() &&
            text(key::destination, number_bytes_max, true, out_.destination) && times() &&
            text(key::hangup_cause, text_bytes_max, false, out_.hangup_cause) && identity(call_id);
        return ok ? record_fault{} : fault_;
    }

  private:
    json_token const& at(key name) const noexcept {
        return tokens_[static_cast<std::size_t>(name)];
    }
    bool fail(record_error error, key name, std::string_view detail) noexcept {
        fault_ = {error, canonical_keys.name(static_cast<std::size_t>(name)), detail};
        return false;
    }
    bool missing(key name) noexcept {
        return fail(record_error::missing_field, name, "the field is required");
    }

    bool text(key name, std::size_t bytes_max, bool is_required, std::string_view& out);
    bool caller();
    bool direction();
    bool duration(key name, std::int64_t& out_ms);
    bool time(key name, time_reading& out);
    bool times();
    bool identity(std::string_view call_id);

    canonical_tokens const& tokens_;
    source const& source_;
    text_arena& arena_;
    cdr& out_;
    record_fault fault_;
};

bool canonical_reader::text(key name, std::size_t bytes_max, bool is_required,
                            std::string_view& out) {
    json_token const& token = at(name);
    if (token.is_absent()) {
        return !is_required || missing(name);
    }
    if (token.is != kind::string && token.is != kind::number) {
        return fail(record_error::bad_type, name, "expected a string");
    }

    // Numbers are allowed: many senders write 4420 without quotes. The digits are kept as written.
    out = text_of(token, arena_);
    return out.size() <= bytes_max ||
           fail(record_error::field_too_long, name,
                bytes_max == number_bytes_max ? "over 256 bytes" : "over 1024 bytes");
}

/// An empty caller is an unknown one; an absent caller is a mistake of the sender.
bool canonical_reader::caller() {
    json_token const& token = at(key::caller_id);
    bool const is_empty = token.is == kind::string && token.text.empty();
    return text(key::caller_id, number_bytes_max, !is_empty, out_.caller_id);
}

bool canonical_reader::direction() {
    std::string_view word;
    if (!text(key::direction, text_bytes_max, true, word)) {
        return false;
    }
    bool const is_inbound = equal_ignoring_case(word, "inbound");
    out_.direction = is_inbound ? call_direction::inbound : call_direction::outbound;
    return is_inbound || equal_ignoring_case(word, "outbound") ||
           fail(record_error::bad_direction, key::direction, "expected inbound or outbound");
}

bool canonical_reader::duration(key name, std::int64_t& out_ms) {
    std::string_view digits;
    if (!text(name, text_bytes_max, true, digits)) {
        return false;
    }

    // Digits below the millisecond are cut off, never rounded up: no one pays for time not used.
    auto const ms = parse_decimal(digits, 3);
    if (!ms) {
        return fail(record_error::bad_number, name, "expected seconds, whole or decimal");
    }
    if (*ms < 0 || *ms > duration_ms_max) {
        return fail(record_error::bad_duration, name,
                    *ms < 0 ? "the duration is negative" : "the duration is over 68 years");
    }
    out_ms = *ms;
    return true;
}

bool canonical_reader::time(key name, time_reading& out) {
    std::string_view words;
    if (!text(name, text_bytes_max, name != key::answer_time, words)) {
        return false;
    }
    // Only the answer may be missing: without it the call was not answered, or its billsec tells
    // when.
    out = read_time(trimmed(words));
    return out.is != time_reading::form::unreadable ||
           fail(record_error::bad_time, name, "expected RFC 3339 or seconds since 1970");
}

bool canonical_reader::times() {
    read_times times;
    if (!time(key::start_time, times.start) || !time(key::answer_time, times.answer) ||
        !time(key::end_time, times.end) || !duration(key::duration, out_.duration_ms) ||
        !duration(key::billsec, out_.billsec_ms)) {
        return false;
    }

    // The durations help to settle a time that is missing or repeated in autumn.
    times.duration_ms = out_.duration_ms;
    times.billsec_ms = out_.billsec_ms;
    out_.billable_ms = out_.billsec_ms;

    // The fields of times are in the order of times_fault::call_time.
    times_fault const fault = settle_times(times, source_.time_zone, out_);
    if (fault.error != record_error::none) {
        auto const index = static_cast<std::uint8_t>(fault.stamp);
        return fail(fault.error,
                    static_cast<key>(static_cast<std::uint8_t>(key::start_time) + index),
                    fault.detail);
    }

    // A call that is billed was answered: many senders leave the answer time out.
    if (out_.answer == never_us && out_.billable_ms > 0) {
        out_.answer = out_.end - out_.billable_ms * 1000;
    }
    return true;
}

/// Sets the key and the metadata, which keeps a call id that is not a UUID.
bool canonical_reader::identity(std::string_view call_id) {
    auto const id = parse_uuid(call_id);
    out_.id = id ? *id : uuid_v5(call_id_name_space, call_id);

    // The usual record has a UUID and no metadata, and needs no copy.
    json_token const& metadata = at(key::metadata);
    if (metadata.is_absent() && id) {
        return true;
    }

    // The metadata is checked as a whole here: PostgreSQL would refuse a bad jsonb with its whole
    // batch.
    thread_local std::string built;
    thread_local std::string given;
    built.clear();
    given.assign("{}");
    if (!metadata.is_absent()) {
        if (metadata.is != kind::object) {
            return fail(record_error::bad_type, key::metadata, "expected an object");
        }
        given.clear();
        if (auto const error = append_json_value(metadata.text, given);
            error != record_error::none) {
            return fail(error, key::metadata, explain(error));
        }
    }

    // A UUID is the key itself; any other id is only hashed into the key, so it is kept as well.
    if (id) {
        out_.metadata = arena_.keep(given);
        return true;
    }
    json_object_writer writer(built);
    writer.members_of(given);
    writer.member("call_id", call_id); // last, and of repeated keys jsonb keeps the last
    writer.finish();
    out_.metadata = arena_.keep(built);
    return true;
}

} // namespace

record_fault read_canonical(canonical_tokens const& tokens, source const& source, text_arena& arena,
                            cdr& out) {
    return canonical_reader(tokens, source, arena, out).run();
}

} // namespace tally::ingest
