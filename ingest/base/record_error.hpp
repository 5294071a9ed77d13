#pragma once

#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Why a record was not taken or not stored. The text form (`code()`) is what senders, suspense
/// and metrics see; it never changes once released.
enum class record_error : std::uint8_t {
    none,

    // Found by a decoder.
    not_json,         ///< not JSON, or not the JSON that the format requires
    not_an_object,    ///< JSON, but not an object
    missing_field,    ///< a required field is absent, null or empty
    bad_type,         ///< a field has a JSON type that its format does not allow
    bad_uuid,         ///< no call id can be made from it
    bad_time,         ///< a date that does not exist, or an unknown form of time
    bad_number,       ///< not a number
    bad_duration,     ///< negative, billsec over duration, or longer than seven days
    bad_direction,    ///< neither inbound nor outbound
    bad_times,        ///< end before start, or no end
    field_too_long,   ///< over the limit of its column
    bad_columns,      ///< a CSV row with a number of columns that its format never has
    bad_quoting,      ///< a CSV quote that is never closed
    bad_encoding,     ///< form, base64 or percent encoding that does not decode
    record_too_large, ///< one record exceeds the source's limit
    too_deep,         ///< JSON nested deeper than 64
    bad_spec_version, ///< a CloudEvent of a version other than 1.0
    bad_attribute,    ///< a CloudEvents attribute whose name or form the standard forbids
    bad_data,         ///< an event's data is not a JSON object, or is given twice
    bad_value,        ///< a member is not one of its allowed words, or not an address

    // Found by guiding and rating.
    unknown_account,        ///< no account of that number
    unknown_subscription,   ///< no subscription of that number
    unknown_number,         ///< neither caller nor destination is one of our DIDs
    no_active_subscription, ///< the account had none at start_time
    no_rate,                ///< no rate matches the destination
    amount_overflow,        ///< the cost does not fit 64 bits of 10^-9
    unknown_type,           ///< an event of a type that this version does not know
    unknown_subject,        ///< an event's subject is no subscription, account or user of ours
    unknown_metric,         ///< the plan has no price for the metric

    // Found by storage.
    conflict,           ///< the key is stored with other content
    time_out_of_bounds, ///< before or after every partition that may be created
    database_refused,   ///< PostgreSQL refuses this one record
    refused_together,   ///< PostgreSQL refuses records that came with it, perhaps also this one

    // Found by what an event does (SQL functions apply_*).
    unknown_user,         ///< no user of that id
    unknown_license,      ///< no license of that key or id
    not_enough_credits,   ///< more SMS than the license has left
    unknown_affiliate,    ///< no affiliate of that code or id
    affiliate_not_active, ///< the affiliate is not, or no longer, active
    referral_taken,       ///< another affiliate brought this customer
    conversion_expired,   ///< too long after the click, or after the referral ran out
    wrong_currency,       ///< not the currency in which the affiliate is paid
    unknown_voucher,      ///< no voucher of that code or id
    voucher_not_valid,    ///< not active, or the session lies outside of its validity
    no_sessions_left,     ///< all regular and backup sessions are used
    booking_refused,      ///< the booking rules do not allow a session at that time
    unknown_room,         ///< no room of that id
    room_not_open,        ///< the room is a draft, over or canceled
    room_full,            ///< the room has as many participants as it may have
    unknown_prize,        ///< the room has no prize of that id
    no_prize_left,        ///< the prize was won as often as it can be
    not_a_participant,    ///< the winner does not take part in the room

    // Keep last.
    count_,
};

/// What triggers another try of a suspended record.
enum class retry_trigger : std::uint8_t {
    by_hand, ///< the record, the sender, a setting or tallyd has to change: the operator retries it
    catalog, ///< a row of the catalog has to change: retried after the catalog was reloaded
    elsewhere, ///< a row that tallyd does not watch: retried periodically, ever more rarely
};

/// The released text of an error: "missing_field". Static storage.
std::string_view code(record_error error) noexcept;

/// One line that tells the operator what to do about it. Static storage.
std::string_view explain(record_error error) noexcept;

/// The trigger that may make a record with this error succeed.
retry_trigger retry_trigger_of(record_error error) noexcept;

/// The error with that code; `none` for an unknown one.
record_error parse_code(std::string_view text) noexcept;

} // namespace tally::ingest
