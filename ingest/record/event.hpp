#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/text/decimal.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

namespace tally::ingest {

/// What an event is about, by its type. It decides the event's table and effects.
enum class event_kind : std::uint8_t {
    usage,                ///< "usage": metered, rated by the plan's metric prices
    api_request,          ///< "api.request"
    app_error,            ///< "app.error"
    feature_used,         ///< "feature.used"
    audit_action,         ///< "audit.action"
    license,              ///< "license.*"
    affiliate_click,      ///< "affiliate.click"
    affiliate_conversion, ///< "affiliate.conversion"
    voucher_session,      ///< "voucher.session"
    room,                 ///< "room.joined", "room.left", "room.prize.won"
    // Keep last.
    count_,
};

/// A number that was not sent.
inline constexpr std::int64_t not_given = INT64_MIN;

struct usage_data {
    std::string_view metric;
    int128 quantity_nanos = 1'000'000'000; ///< 10^-9 of the metric's unit

    friend bool operator==(usage_data const&, usage_data const&) = default;
};

struct api_request_data {
    std::string_view method;
    std::string_view endpoint; ///< the route, with names in place of ids
    std::int64_t status_code = 0;
    std::int64_t duration_ms = not_given;
    std::int64_t request_bytes = not_given;
    std::int64_t response_bytes = not_given;
    std::string_view api_version;
    std::string_view api_key_id;
    std::string_view error_code;
    std::string_view request_id;

    friend bool operator==(api_request_data const&, api_request_data const&) = default;
};

struct app_error_data {
    std::string_view severity; ///< a label of analytics.error_severity
    std::string_view error_type;
    std::string_view message;
    std::string_view fingerprint; ///< groups errors that are the same; never empty
    std::string_view error_code;
    std::string_view stack_trace;
    std::string_view service;
    std::string_view environment;
    std::string_view release;
    std::string_view method;
    std::string_view endpoint;
    std::string_view request_id;
    std::int64_t status_code = not_given;

    friend bool operator==(app_error_data const&, app_error_data const&) = default;
};

struct feature_used_data {
    std::string_view feature;
    std::string_view category;
    std::int64_t uses = 1;

    friend bool operator==(feature_used_data const&, feature_used_data const&) = default;
};

/// Kinds whose effects are functions in the database (apply_*): the decoder has checked that `data`
/// contains what they need. `entity` is what the event changes, as text: a license's key, a
/// voucher's code, a room's id. Events of one entity go through one lane.
struct entity_data {
    std::string_view entity;

    friend bool operator==(entity_data const&, entity_data const&) = default;
};

/// A usage event in the form that every decoder gives (CloudEvents 1.0). Views as in cdr.
struct event {
    event_kind kind = event_kind::usage;
    uuid id;                   ///< made from source and event_id: the identity
    std::uint64_t content = 0; ///< hash of the content; equal for two reports of one event
    std::string_view source;   ///< CloudEvents source
    std::string_view event_id; ///< CloudEvents id
    std::string_view type;
    std::string_view subject;
    time_us occurred = 0;
    bool time_assumed = false; ///< sent without a time: `occurred` is when it was received
    /// Who the event is about, if data or subject say so; else empty, or nil.
    std::string_view account_number;      ///< or id
    std::string_view subscription_number; ///< or id
    uuid user_id;
    uuid organization_id;
    std::string_view ip_address; ///< as inet takes it
    std::string_view user_agent;
    std::string_view data;       ///< the whole data as one JSON object for jsonb, or empty
    std::string_view properties; ///< members of data that have no field of their own; or empty
    std::string_view raw;        ///< the event's own bytes in the input
    std::variant<usage_data, api_request_data, app_error_data, feature_used_data, entity_data>
        event_data;

    friend bool operator==(event const&, event const&) = default;
};

/// The namespace in which an event's source, a zero byte and its id become its identity:
/// 3f7c1d0a-95be-5b52-8c11-746c6c796402.
inline constexpr uuid event_name_space{{0x3f, 0x7c, 0x1d, 0x0a, 0x95, 0xbe, 0x5b, 0x52, 0x8c, 0x11,
                                        0x74, 0x6c, 0x6c, 0x79, 0x64, 0x02}};

} // namespace tally::ingest
