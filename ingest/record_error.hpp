#pragma once

#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Why a record was not taken or not stored. The text form (`code()`) is what senders, suspense
/// and metrics see; it never changes once released.
enum class record_error : std::uint8_t {
    none,

    // Found by a decoder.
    not_json,         ///< the record is no JSON, or not the JSON its format asks for
    not_an_object,    ///< JSON, but not an object
    missing_field,    ///< a required field is absent, null or empty
    bad_type,         ///< a field has a JSON type that its format does not allow
    bad_uuid,         ///< no call id to be made of it
    bad_time,         ///< a time that no calendar has, or in a form nobody reads
    bad_number,       ///< a number that is none
    bad_duration,     ///< negative, billsec over duration, or longer than seven days
    bad_direction,    ///< neither inbound nor outbound
    bad_times,        ///< end before start, or no end
    field_too_long,   ///< over the limit of its column
    bad_columns,      ///< a CSV row with a number of columns its format never has
    bad_quoting,      ///< a CSV quote that is never closed
    bad_encoding,     ///< form, base64 or percent encoding that does not decode
    record_too_large, ///< one record over the source's limit
    too_deep,         ///< JSON nested deeper than 64

    // Found by guiding and rating.
    unknown_account,        ///< no account of that number
    unknown_subscription,   ///< no subscription of that number
    unknown_number,         ///< neither caller nor destination is one of our DIDs
    no_active_subscription, ///< the account had none at start_time
    no_rate,                ///< no rate matches the destination
    amount_overflow,        ///< the cost does not fit 64 bits of 10^-9

    // Found by storage.
    conflict,           ///< the key is stored with other content
    time_out_of_bounds, ///< before or after every partition that may be created
    database_refused,   ///< PostgreSQL refuses this one record

    // Keep last.
    count_,
};

/// The released text of an error: "missing_field". Static storage.
std::string_view code(record_error error) noexcept;

/// One line that tells a person what to do about it. Static storage.
std::string_view explain(record_error error) noexcept;

/// The error of a text form; `none` for an unknown one.
record_error parse_code(std::string_view text) noexcept;

} // namespace tally::ingest
