#include "ingest/base/record_error.hpp"

#include <array>

namespace tally::ingest {
namespace {

struct error_text {
    record_error error;
    std::string_view code;
    std::string_view explanation;
    retry_trigger heals = retry_trigger::by_hand;
};

using enum record_error;

constexpr std::array texts{
    error_text{none, "none", "nothing is wrong"},
    error_text{not_json, "not_json",
               "the record is not JSON; check the sender's encoding and the Content-Type"},
    error_text{not_an_object, "not_an_object", "a record is one JSON object"},
    error_text{missing_field, "missing_field", "send this field with every record"},
    error_text{bad_type, "bad_type", "send this field with the JSON type its format asks for"},
    error_text{bad_uuid, "bad_uuid", "send the switch's call id with every record"},
    error_text{bad_time, "bad_time", "send times as RFC 3339 or as seconds since 1970"},
    error_text{bad_number, "bad_number", "send a decimal number"},
    error_text{bad_duration, "bad_duration",
               "durations are not negative, billsec is not over duration, a call lasts at most "
               "seven days"},
    error_text{bad_direction, "bad_direction", "the direction is inbound or outbound"},
    error_text{bad_times, "bad_times",
               "a call ends, after it started, and is answered in between; check the sender's "
               "clock"},
    error_text{field_too_long, "field_too_long", "shorten this field"},
    error_text{bad_columns, "bad_columns", "the row has too few or too many columns"},
    error_text{bad_quoting, "bad_quoting", "a quote in the row is never closed"},
    error_text{bad_encoding, "bad_encoding",
               "form, base64 or percent encoding is broken; send plain JSON"},
    error_text{record_too_large, "record_too_large",
               "the record is over the source's record_bytes_max"},
    error_text{too_deep, "too_deep", "nest JSON at most 64 deep"},
    error_text{bad_spec_version, "bad_spec_version", "send CloudEvents with specversion \"1.0\""},
    error_text{bad_attribute, "bad_attribute",
               "name and write this attribute as CloudEvents 1.0 asks for"},
    error_text{bad_data, "bad_data", "send the event's data once, as a JSON object"},
    error_text{bad_value, "bad_value", "send one of the values that this field can have"},

    // No payer or no price. The next catalog may have what is missing, so these are retried when
    // one is loaded.
    error_text{unknown_account, "unknown_account", "create the account, then retry",
               retry_trigger::catalog},
    error_text{unknown_subscription, "unknown_subscription", "create the subscription, then retry",
               retry_trigger::catalog},
    error_text{unknown_number, "unknown_number",
               "give the number to a subscription or send an account number, then retry",
               retry_trigger::catalog},
    error_text{no_active_subscription, "no_active_subscription",
               "the account had no active subscription when the call started",
               retry_trigger::catalog},
    error_text{no_rate, "no_rate", "add a rate for the destination to the plan, then retry",
               retry_trigger::catalog},
    error_text{amount_overflow, "amount_overflow", "check the rate: the cost is absurdly high",
               retry_trigger::catalog},
    error_text{unknown_type, "unknown_type",
               "this version knows no events of the type; check the type, or retry after an "
               "upgrade"},
    error_text{unknown_subject, "unknown_subject",
               "the subject is no subscription, account or user; create it, then retry",
               retry_trigger::elsewhere},
    error_text{unknown_metric, "unknown_metric",
               "add a price for the metric to the plan, then retry", retry_trigger::catalog},
    error_text{conflict, "conflict",
               "a record of this key is stored with other content; the first one was kept"},
    error_text{time_out_of_bounds, "time_out_of_bounds",
               "the start time is too far in the past or future; check the sender's clock"},
    error_text{database_refused, "database_refused",
               "PostgreSQL refuses this record; its log says why"},
    error_text{refused_together, "refused_together",
               "PostgreSQL refused too many records of this source to look for each; those that "
               "it takes are stored by a retry",
               retry_trigger::elsewhere},

    // Refused by what the database knows of users, licenses, affiliates, vouchers and rooms (S7 of
    // storage/README.md). No notification tells when such a row changes, so what a change there can
    // resolve is retried by time.
    error_text{unknown_user, "unknown_user", "create the user, then retry",
               retry_trigger::elsewhere},
    error_text{unknown_license, "unknown_license", "create the license, then retry",
               retry_trigger::elsewhere},
    error_text{not_enough_credits, "not_enough_credits",
               "the license has fewer SMS left; top it up, then retry", retry_trigger::elsewhere},
    error_text{unknown_affiliate, "unknown_affiliate", "create the affiliate, then retry",
               retry_trigger::elsewhere},
    error_text{affiliate_not_active, "affiliate_not_active", "approve the affiliate, then retry",
               retry_trigger::elsewhere},
    error_text{referral_taken, "referral_taken",
               "another affiliate brought this customer; discard one of the two claims"},
    error_text{conversion_expired, "conversion_expired",
               "the sale came too long after the click; discard it, or extend the referral"},
    error_text{wrong_currency, "wrong_currency",
               "send the value in the currency in which the affiliate is paid"},
    error_text{unknown_voucher, "unknown_voucher", "create the voucher, then retry",
               retry_trigger::elsewhere},
    error_text{voucher_not_valid, "voucher_not_valid",
               "activate the voucher or extend its validity, then retry", retry_trigger::elsewhere},
    error_text{no_sessions_left, "no_sessions_left",
               "all sessions of the voucher are used; add some or cancel one, then retry",
               retry_trigger::elsewhere},
    error_text{booking_refused, "booking_refused",
               "the voucher's type allows no session at that time"},
    error_text{unknown_room, "unknown_room", "create the room, then retry",
               retry_trigger::elsewhere},
    error_text{room_not_open, "room_not_open", "activate the room, then retry",
               retry_trigger::elsewhere},
    error_text{room_full, "room_full", "raise the room's max_participants, then retry",
               retry_trigger::elsewhere},
    error_text{unknown_prize, "unknown_prize", "create the prize in this room, then retry",
               retry_trigger::elsewhere},
    error_text{no_prize_left, "no_prize_left", "raise the prize's quantity, then retry",
               retry_trigger::elsewhere},
    error_text{not_a_participant, "not_a_participant", "let the user join the room, then retry",
               retry_trigger::elsewhere},
};

// The functions below index the table by the enumerator: a row at a wrong index would give senders
// wrong reasons, and suspended records wrong retries.
constexpr bool in_order_of_the_enum() {
    for (std::size_t index = 0; index < texts.size(); ++index) {
        if (static_cast<std::size_t>(texts[index].error) != index) {
            return false;
        }
    }
    return texts.size() == static_cast<std::size_t>(count_);
}
static_assert(in_order_of_the_enum());

} // namespace

std::string_view code(record_error error) noexcept {
    auto const index = static_cast<std::size_t>(error);
    return index < texts.size() ? texts[index].code : "unknown";
}

std::string_view explain(record_error error) noexcept {
    auto const index = static_cast<std::size_t>(error);
    return index < texts.size() ? texts[index].explanation : "unknown";
}

retry_trigger retry_trigger_of(record_error error) noexcept {
    auto const index = static_cast<std::size_t>(error);
    return index < texts.size() ? texts[index].heals : retry_trigger::by_hand;
}

record_error parse_code(std::string_view text) noexcept {
    for (error_text const& candidate : texts) {
        if (candidate.code == text) {
            return candidate.error;
        }
    }
    return record_error::none;
}

} // namespace tally::ingest
