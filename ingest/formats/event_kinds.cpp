#include "ingest/formats/event_kinds.hpp"

#include "ingest/formats/entity_events.hpp"
#include "ingest/formats/event_data.hpp"

#include <array>

namespace tally::ingest {
namespace {

using enum event_member;

constexpr std::size_t message_bytes_max = 16 * 1024;
constexpr std::size_t trace_bytes_max = 256 * 1024;
constexpr std::int64_t count_max = 1'000'000'000;

/// Reads who the event is about, from its data; every kind begins with this.
bool read_common(event_data_reader& from, event& out) {
    return from.text(account_id, out.account_number) &&
           from.text(account_number, out.account_number) &&
           from.text(subscription_id, out.subscription_number) &&
           from.text(subscription_number, out.subscription_number) &&
           from.uuid_of(user_id, out.user_id) &&
           from.uuid_of(organization_id, out.organization_id) &&
           from.address(ip_address, out.ip_address) && from.text(user_agent, out.user_agent, 4096);
}

/// The part of a subject after `word` ("account:" in "account:ACC-1"); empty if it begins
/// otherwise.
std::string_view behind(std::string_view subject, std::string_view word) noexcept {
    return subject.starts_with(word) ? subject.substr(word.size()) : std::string_view{};
}

/// A subject may say what it names. Guiding looks up one that does not, as any of the three.
bool read_subject(event_data_reader& from, event& out) {
    if (auto const name = behind(out.subject, "subscription:"); !name.empty()) {
        out.subscription_number = out.subscription_number.empty() ? name : out.subscription_number;
    } else if (auto const number = behind(out.subject, "account:"); !number.empty()) {
        out.account_number = out.account_number.empty() ? number : out.account_number;
    } else if (auto const user = behind(out.subject, "user:"); !user.empty()) {
        auto const id = parse_uuid(user);
        if (!id) {
            return from.fail_field(record_error::bad_uuid, "subject",
                                   "expected user: followed by a UUID");
        }
        out.user_id = out.user_id.is_nil() ? *id : out.user_id;
    }
    return true;
}

bool read_usage(event_data_reader& from, event& out) {
    usage_data what;
    if (!read_common(from, out) || !read_subject(from, out) ||
        !from.needed_text(metric, what.metric, 128) ||
        !from.decimal(quantity, what.quantity_nanos)) {
        return false;
    }
    bool const names_nobody = out.subject.empty() && out.account_number.empty() &&
                              out.subscription_number.empty() && out.user_id.is_nil();
    if (names_nobody) {
        return from.fail_field(record_error::missing_field, "subject",
                               "a usage event names its subscription, account or user");
    }
    out.what = what;
    return true;
}

bool read_api_request(event_data_reader& from, event& out) {
    api_request_data what;
    what.status_code = not_given;
    // Some members have two names. The one that is read last counts: the first in EVENTS.md.
    bool const ok =
        read_common(from, out) && read_subject(from, out) &&
        from.needed_text(method, what.method, 32) && from.needed_text(endpoint, what.endpoint) &&
        from.integer(status, 100, 599, what.status_code) &&
        from.integer(status_code, 100, 599, what.status_code) &&
        from.integer(latency_ms, 0, INT32_MAX, what.duration_ms) &&
        from.integer(duration_ms, 0, INT32_MAX, what.duration_ms) &&
        from.integer(request_bytes, 0, INT64_MAX / 1024, what.request_bytes) &&
        from.integer(response_bytes, 0, INT64_MAX / 1024, what.response_bytes) &&
        from.text(api_version, what.api_version) && from.text(api_key_id, what.api_key_id) &&
        from.text(error_code, what.error_code) && from.text(request_id, what.request_id);

    if (ok && what.status_code == not_given) {
        return from.require(status_code);
    }
    out.what = what;
    return ok;
}

bool read_app_error(event_data_reader& from, event& out) {
    app_error_data what;
    what.severity = "error";
    what.error_type = "Error";
    bool const ok =
        read_common(from, out) && read_subject(from, out) &&
        from.needed_text(message, what.message, message_bytes_max) &&
        from.word(severity, {"debug", "info", "warning", "error", "critical"}, what.severity) &&
        from.text(error_type, what.error_type) && from.text(fingerprint, what.fingerprint) &&
        from.text(error_code, what.error_code) &&
        from.text(stack_trace, what.stack_trace, trace_bytes_max) &&
        from.text(service, what.service) && from.text(environment, what.environment) &&
        from.text(release, what.release) && from.text(method, what.method, 32) &&
        from.text(endpoint, what.endpoint) && from.text(request_id, what.request_id) &&
        from.integer(status_code, 100, 599, what.status_code);

    if (what.fingerprint.empty()) {
        // What people would call the same error: its type, where it happened, the beginning of its
        // text.
        what.fingerprint = error_fingerprint(what);
    }
    out.what = what;
    return ok;
}

bool read_feature_used(event_data_reader& from, event& out) {
    feature_used_data what;
    bool const ok = read_common(from, out) && read_subject(from, out) &&
                    from.needed_text(feature, what.feature) && from.text(category, what.category) &&
                    from.integer(count, 1, count_max, what.uses);
    if (ok && out.user_id.is_nil()) {
        out.user_id = parse_uuid(out.subject).value_or(uuid{});
    }
    out.what = what;
    return ok;
}

/// The kinds whose data is read by functions of the database: `Read` checks it and reads the
/// entity.
template <bool (*Read)(event_data_reader&, event&, entity_data&)>
bool read_entity(event_data_reader& from, event& out) {
    entity_data what;
    if (!read_common(from, out) || !Read(from, out, what)) {
        return false;
    }
    out.what = what;
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
        bool const is_family = each.name.ends_with('.');
        if (is_family ? type.starts_with(each.name) && type.size() > each.name.size()
                      : type == each.name) {
            return is_known_member(each.kind, type) ? &each : nullptr;
        }
    }
    return nullptr;
}

} // namespace tally::ingest
