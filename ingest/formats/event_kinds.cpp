#include "ingest/formats/event_kinds.hpp"

#include "ingest/formats/entity_events.hpp"
#include "ingest/formats/event_data.hpp"

#include <array>

namespace tally::ingest {
namespace {

using enum event_member;

// Longer than other text, because people read them whole. What is longer still is rejected, never
// cut.
constexpr std::size_t message_bytes_max = 16 * 1024;
constexpr std::size_t trace_bytes_max = 256 * 1024;
constexpr std::int64_t count_max = 1'000'000'000;

/// Reads who the event is about, from its data; every kind begins with this.
bool read_common(event_data_reader& reader, event& out) {
    return reader.text(account_id, out.account_number) &&
           reader.text(account_number, out.account_number) &&
           reader.text(subscription_id, out.subscription_number) &&
           reader.text(subscription_number, out.subscription_number) &&
           reader.uuid_of(user_id, out.user_id) &&
           reader.uuid_of(organization_id, out.organization_id) &&
           reader.address(ip_address, out.ip_address) &&
           reader.text(user_agent, out.user_agent, 4096);
}

/// The part of a subject after `word` ("account:" in "account:ACC-1"); empty if it begins
/// otherwise.
std::string_view behind(std::string_view subject, std::string_view word) noexcept {
    return subject.starts_with(word) ? subject.substr(word.size()) : std::string_view{};
}

/// A subject may say what it names. Guiding looks up one that does not, as any of the three.
bool read_subject(event_data_reader& reader, event& out) {
    // What the data names comes before the subject (docs/RATING.md, Guiding), so it stays.
    if (auto const name = behind(out.subject, "subscription:"); !name.empty()) {
        out.subscription_number = out.subscription_number.empty() ? name : out.subscription_number;
    } else if (auto const number = behind(out.subject, "account:"); !number.empty()) {
        out.account_number = out.account_number.empty() ? number : out.account_number;
    } else if (auto const user = behind(out.subject, "user:"); !user.empty()) {
        auto const id = parse_uuid(user);
        if (!id) {
            return reader.fail_field(record_error::bad_uuid, "subject",
                                     "expected user: followed by a UUID");
        }
        out.user_id = out.user_id.is_nil() ? *id : out.user_id;
    }
    return true;
}

bool read_usage(event_data_reader& reader, event& out) {
    usage_data data;
    if (!read_common(reader, out) || !read_subject(reader, out) ||
        !reader.required_text(metric, data.metric, 128) ||
        !reader.decimal(quantity, data.quantity_nanos)) {
        return false;
    }

    // Without a name guiding could find no plan, and the event would never leave suspense.
    bool const names_nobody = out.subject.empty() && out.account_number.empty() &&
                              out.subscription_number.empty() && out.user_id.is_nil();
    if (names_nobody) {
        return reader.fail_field(record_error::missing_field, "subject",
                                 "a usage event names its subscription, account or user");
    }
    out.event_data = data;
    return true;
}

bool read_api_request(event_data_reader& reader, event& out) {
    api_request_data data;
    data.status_code = not_given;
    // Some members have two names. The one that is read last counts: the first in EVENTS.md.
    bool const ok =
        read_common(reader, out) && read_subject(reader, out) &&
        reader.required_text(method, data.method, 32) &&
        reader.required_text(endpoint, data.endpoint) &&
        reader.integer(status, 100, 599, data.status_code) &&
        reader.integer(status_code, 100, 599, data.status_code) &&
        reader.integer(latency_ms, 0, INT32_MAX, data.duration_ms) &&
        reader.integer(duration_ms, 0, INT32_MAX, data.duration_ms) &&
        reader.integer(request_bytes, 0, INT64_MAX / 1024, data.request_bytes) &&
        reader.integer(response_bytes, 0, INT64_MAX / 1024, data.response_bytes) &&
        reader.text(api_version, data.api_version) && reader.text(api_key_id, data.api_key_id) &&
        reader.text(error_code, data.error_code) && reader.text(request_id, data.request_id);

    // Required under either of its names, so only after both were read.
    if (ok && data.status_code == not_given) {
        return reader.require(status_code);
    }
    out.event_data = data;
    return ok;
}

bool read_app_error(event_data_reader& reader, event& out) {
    app_error_data data;
    data.severity = "error";
    data.error_type = "Error";

    // Only the message is required: everything else helps to group and find the error, and senders
    // have it or not.
    bool const ok =
        read_common(reader, out) && read_subject(reader, out) &&
        reader.required_text(message, data.message, message_bytes_max) &&
        reader.word(severity, {"debug", "info", "warning", "error", "critical"}, data.severity) &&
        reader.text(error_type, data.error_type) && reader.text(fingerprint, data.fingerprint) &&
        reader.text(error_code, data.error_code) &&
        reader.text(stack_trace, data.stack_trace, trace_bytes_max) &&
        reader.text(service, data.service) && reader.text(environment, data.environment) &&
        reader.text(release, data.release) && reader.text(method, data.method, 32) &&
        reader.text(endpoint, data.endpoint) && reader.text(request_id, data.request_id) &&
        reader.integer(status_code, 100, 599, data.status_code);

    if (data.fingerprint.empty()) {
        // What people would call the same error: its type, where it happened, the beginning of its
        // text.
        data.fingerprint = error_fingerprint(data);
    }
    out.event_data = data;
    return ok;
}

bool read_feature_used(event_data_reader& reader, event& out) {
    feature_used_data data;
    bool const ok = read_common(reader, out) && read_subject(reader, out) &&
                    reader.required_text(feature, data.feature) &&
                    reader.text(category, data.category) &&
                    reader.integer(count, 1, count_max, data.uses);

    // Adoption counts users, so a bare UUID as subject is taken as one.
    if (ok && out.user_id.is_nil()) {
        out.user_id = parse_uuid(out.subject).value_or(uuid{});
    }
    out.event_data = data;
    return ok;
}

/// The kinds whose data is read by functions of the database: `Read` checks it and reads the
/// entity.
template <bool (*Read)(event_data_reader&, event&, entity_data&)>
bool read_entity(event_data_reader& reader, event& out) {
    entity_data data;
    if (!read_common(reader, out) || !Read(reader, out, data)) {
        return false;
    }
    out.event_data = data;
    return true;
}

constexpr std::array types{
    event_type{"usage", event_kind::usage, read_usage,
               "metered: a quantity of a metric, rated by the plan"},
    event_type{"api.request", event_kind::api_request, read_api_request,
               "a request to an application's interface"},
    event_type{"app.error", event_kind::app_error, read_app_error, "an error of an application"},
    event_type{"feature.used", event_kind::feature_used, read_feature_used,
               "a user used a feature"},
    event_type{"audit.action", event_kind::audit_action, read_entity<read_audit_action>,
               "a user changed something"},
    event_type{"license.", event_kind::license, read_entity<read_license>,
               "a license was changed or used"},
    event_type{"affiliate.click", event_kind::affiliate_click, read_entity<read_affiliate_click>,
               "a visit through an affiliate's link"},
    event_type{"affiliate.conversion", event_kind::affiliate_conversion,
               read_entity<read_affiliate_conversion>, "a customer whom an affiliate brought pays"},
    event_type{"voucher.session", event_kind::voucher_session, read_entity<read_voucher_session>,
               "a voucher's session is booked, took place, was missed or canceled"},
    event_type{"room.", event_kind::room, read_entity<read_room>,
               "a user joins or leaves a room, or wins a prize"},
};

} // namespace

std::span<event_type const> event_types() noexcept {
    return types;
}

event_type const* find_event_type(std::string_view type) noexcept {
    for (auto const& each : types) {
        // A family has members that are told apart by the database; a kind of its own has one name.
        bool const is_family = each.name.ends_with('.');
        if (is_family ? type.starts_with(each.name) && type.size() > each.name.size()
                      : type == each.name) {
            return is_known_member(each.kind, type) ? &each : nullptr;
        }
    }
    return nullptr;
}

} // namespace tally::ingest
