#include "ingest/formats/entity_events.hpp"

#include "ingest/formats/event_data.hpp"

#include <string>

namespace tally::ingest {
namespace {

using enum event_member;

constexpr std::int64_t quantity_max = 1'000'000'000;

/// Reads the name of the entity: the first of these members that is given, else the subject.
bool read_name(event_data_reader& from, event const& of,
               std::initializer_list<event_member> members, std::string_view& out) {
    for (auto const which : members) {
        if (std::string_view name; !from.text(which, name)) {
            return false;
        } else if (out.empty()) {
            out = name;
        }
    }
    out = out.empty() ? of.subject : out;
    return !out.empty() || from.fail_field(record_error::missing_field, "subject",
                                           "the subject, or data, names what the event is about");
}

bool is_uuid(event_data_reader& from, event_member which) {
    uuid ignored;
    return from.uuid_of(which, ignored);
}

bool is_text(event_data_reader& from, event_member which) {
    std::string_view ignored;
    return from.text(which, ignored);
}

bool is_currency(event_data_reader& from) {
    std::string_view code;
    if (!from.text(currency, code)) {
        return false;
    }
    bool const is_code = code.size() == 3 && std::all_of(code.begin(), code.end(), [](char c) {
                             return c >= 'A' && c <= 'Z';
                         });
    return code.empty() || is_code ||
           from.fail(record_error::bad_value, currency, "expected ISO 4217, like EUR");
}

} // namespace

/// There is no entity: any lane will do.
bool read_audit_action(event_data_reader& from, event& /*out*/, entity_data& /*what*/) {
    std::string_view name;
    return from.needed_text(action, name) && is_text(from, entity_type) &&
           is_text(from, entity_id) && is_text(from, description) &&
           from.exact_word(severity, {"debug", "info", "warning", "error", "critical"}) &&
           from.object(old_values) && from.object(new_values);
}

bool read_license(event_data_reader& from, event& out, entity_data& what) {
    std::int64_t ignored = 1;
    return is_uuid(from, license_id) &&
           read_name(from, out, {license_key, license_id}, what.entity) &&
           is_uuid(from, actor_id) && is_uuid(from, assignment_id) &&
           from.integer(quantity, 1, quantity_max, ignored);
}

bool read_affiliate_click(event_data_reader& from, event& out, entity_data& what) {
    std::string_view code;
    bool const ok = is_uuid(from, affiliate_id) &&
                    read_name(from, out, {affiliate_code, affiliate_id}, what.entity) &&
                    is_uuid(from, click_id) && from.text(country, code);
    return ok && (code.empty() || code.size() == 2 ||
                  from.fail(record_error::bad_value, country, "expected ISO 3166-1, two letters"));
}

bool read_affiliate_conversion(event_data_reader& from, event& out, entity_data& what) {
    int128 amount = 0;
    constexpr int128 amount_max = int128{1'000'000'000} * 10'000'000'000; // numeric(20, 9)
    bool const ok = is_uuid(from, affiliate_id) &&
                    read_name(from, out, {affiliate_code, affiliate_id}, what.entity) &&
                    from.require(value) && from.decimal(value, amount) && is_currency(from) &&
                    is_uuid(from, payment_id) && is_uuid(from, click_id) && from.time(clicked_at) &&
                    is_text(from, email) && is_uuid(from, subscription_id);
    return ok && ((amount >= 0 && amount < amount_max) ||
                  from.fail(record_error::bad_number, value, "expected an amount of zero or more"));
}

bool read_voucher_session(event_data_reader& from, event& out, entity_data& what) {
    return is_uuid(from, voucher_id) &&
           read_name(from, out, {voucher_code, voucher_id}, what.entity) &&
           is_uuid(from, session_id) && is_uuid(from, therapist_id) &&
           from.exact_word(action, {"scheduled", "completed", "no_show", "cancelled"}) &&
           from.time(scheduled_start) && from.time(scheduled_end);
}

bool read_room(event_data_reader& from, event& out, entity_data& what) {
    if (!is_uuid(from, room_id) || !read_name(from, out, {room_id}, what.entity) ||
        !is_uuid(from, prize_id) || !is_uuid(from, participant_id) ||
        !from.exact_word(role, {"admin", "organizer", "moderator", "participant", "viewer"})) {
        return false;
    }
    if (!parse_uuid(what.entity)) {
        return from.fail_field(record_error::bad_uuid, "subject", "a room's id is a UUID");
    }

    // A prize may name its winner as a participant.
    bool const is_prize = out.type == "room.prize.won";
    bool const has_who = !out.user_id.is_nil() || (is_prize && from.has(participant_id));
    return (has_who || from.require(user_id)) && (!is_prize || from.require(prize_id));
}

bool is_known_member(event_kind kind, std::string_view type) noexcept {
    return kind != event_kind::room || type == "room.joined" || type == "room.left" ||
           type == "room.prize.won";
}

std::string_view error_fingerprint(app_error_data const& of) {
    /// The end of most messages is a number or an id, which would make each error its own group.
    constexpr std::size_t message_bytes = 80;
    thread_local std::string built;
    built.assign(of.error_type).append(1, '|').append(of.error_code).append(1, '|');
    built.append(of.endpoint).append(1, '|').append(of.message.substr(0, message_bytes));
    uuid const id = uuid_v5(event_name_space, built);
    built.clear();
    append_text(id, built);
    return built;
}

} // namespace tally::ingest
