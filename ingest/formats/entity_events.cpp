#include "ingest/formats/entity_events.hpp"

#include "ingest/formats/event_data.hpp"

#include <string>

namespace tally::ingest {
namespace {

using enum event_member;

constexpr std::int64_t quantity_max = 1'000'000'000;

/// Reads the name of the entity: the first of these members that is given, else the subject.
bool read_name(event_data_reader& reader, event const& record,
               std::initializer_list<event_member> members, std::string_view& out) {
    for (auto const member : members) {
        if (std::string_view name; !reader.text(member, name)) {
            return false;
        } else if (out.empty()) {
            out = name;
        }
    }

    // The data is preferred: a sender may use the subject for something else.
    out = out.empty() ? record.subject : out;
    return !out.empty() || reader.fail_field(record_error::missing_field, "subject",
                                             "the subject, or data, names what the event is about");
}

bool is_uuid(event_data_reader& reader, event_member member) {
    uuid ignored;
    return reader.uuid_of(member, ignored);
}

bool is_text(event_data_reader& reader, event_member member) {
    std::string_view ignored;
    return reader.text(member, ignored);
}

bool is_currency(event_data_reader& reader) {
    std::string_view code;
    if (!reader.text(currency, code)) {
        return false;
    }

    // The database compares codes byte by byte, so lower case would be another currency.
    bool const is_code = code.size() == 3 && std::all_of(code.begin(), code.end(), [](char c) {
                             return c >= 'A' && c <= 'Z';
                         });
    return code.empty() || is_code ||
           reader.fail(record_error::bad_value, currency, "expected ISO 4217, like EUR");
}

} // namespace

/// There is no entity: any lane will do.
bool read_audit_action(event_data_reader& reader, event& /*out*/, entity_data& /*what*/) {
    std::string_view name;
    return reader.required_text(action, name) && is_text(reader, entity_type) &&
           is_text(reader, entity_id) && is_text(reader, description) &&
           reader.exact_word(severity, {"debug", "info", "warning", "error", "critical"}) &&
           reader.object(old_values) && reader.object(new_values);
}

bool read_license(event_data_reader& reader, event& out, entity_data& data) {
    // The database reads the quantity from the event's data; it is only checked here.
    std::int64_t ignored = 1;
    return is_uuid(reader, license_id) &&
           read_name(reader, out, {license_key, license_id}, data.entity) &&
           is_uuid(reader, actor_id) && is_uuid(reader, assignment_id) &&
           reader.integer(quantity, 1, quantity_max, ignored);
}

bool read_affiliate_click(event_data_reader& reader, event& out, entity_data& data) {
    std::string_view code;
    bool const ok = is_uuid(reader, affiliate_id) &&
                    read_name(reader, out, {affiliate_code, affiliate_id}, data.entity) &&
                    is_uuid(reader, click_id) && reader.text(country, code);
    return ok &&
           (code.empty() || code.size() == 2 ||
            reader.fail(record_error::bad_value, country, "expected ISO 3166-1, two letters"));
}

bool read_affiliate_conversion(event_data_reader& reader, event& out, entity_data& data) {
    int128 amount = 0;

    // The database's type limits the amount. A larger one would fail there, with its whole batch.
    constexpr int128 amount_max = int128{1'000'000'000} * 10'000'000'000; // numeric(20, 9)
    bool const ok = is_uuid(reader, affiliate_id) &&
                    read_name(reader, out, {affiliate_code, affiliate_id}, data.entity) &&
                    reader.require(value) && reader.decimal(value, amount) && is_currency(reader) &&
                    is_uuid(reader, payment_id) && is_uuid(reader, click_id) &&
                    reader.time(clicked_at) && is_text(reader, email) &&
                    is_uuid(reader, subscription_id);
    return ok &&
           ((amount >= 0 && amount < amount_max) ||
            reader.fail(record_error::bad_number, value, "expected an amount of zero or more"));
}

bool read_voucher_session(event_data_reader& reader, event& out, entity_data& data) {
    return is_uuid(reader, voucher_id) &&
           read_name(reader, out, {voucher_code, voucher_id}, data.entity) &&
           is_uuid(reader, session_id) && is_uuid(reader, therapist_id) &&
           reader.exact_word(action, {"scheduled", "completed", "no_show", "cancelled"}) &&
           reader.time(scheduled_start) && reader.time(scheduled_end);
}

bool read_room(event_data_reader& reader, event& out, entity_data& data) {
    if (!is_uuid(reader, room_id) || !read_name(reader, out, {room_id}, data.entity) ||
        !is_uuid(reader, prize_id) || !is_uuid(reader, participant_id) ||
        !reader.exact_word(role, {"admin", "organizer", "moderator", "participant", "viewer"})) {
        return false;
    }

    // The function of the database casts the name to uuid; a bad one would fail its whole batch.
    if (!parse_uuid(data.entity)) {
        return reader.fail_field(record_error::bad_uuid, "subject", "a room's id is a UUID");
    }

    // A prize may name its winner as a participant.
    bool const is_prize = out.type == "room.prize.won";
    bool const has_who = !out.user_id.is_nil() || (is_prize && reader.has(participant_id));
    return (has_who || reader.require(user_id)) && (!is_prize || reader.require(prize_id));
}

bool is_known_member(event_kind kind, std::string_view type) noexcept {
    // A license event without an effect is audited, so any member of that family will do.
    return kind != event_kind::room || type == "room.joined" || type == "room.left" ||
           type == "room.prize.won";
}

std::string_view error_fingerprint(app_error_data const& data) {
    /// The end of most messages is a number or an id, which would make each error its own group.
    constexpr std::size_t message_bytes = 80;
    thread_local std::string built;
    built.assign(data.error_type).append(1, '|').append(data.error_code).append(1, '|');
    built.append(data.endpoint).append(1, '|').append(data.message.substr(0, message_bytes));

    // A hash has the same length whatever the message is.
    uuid const id = uuid_v5(event_name_space, built);
    built.clear();
    append_text(id, built);
    return built;
}

} // namespace tally::ingest
