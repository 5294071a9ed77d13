#pragma once

#include "ingest/base/key_table.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// The members of an event's data that some kind knows.
enum class event_member : std::uint8_t {
    account_number,
    account_id,
    subscription_number,
    subscription_id,
    user_id,
    organization_id,
    ip_address,
    user_agent,
    metric,
    quantity,
    method,
    endpoint,
    status_code,
    status,
    duration_ms,
    latency_ms,
    request_bytes,
    response_bytes,
    api_version,
    api_key_id,
    request_id,
    error_code,
    message,
    error_type,
    severity,
    fingerprint,
    stack_trace,
    service,
    environment,
    release,
    feature,
    category,
    count,
    action,
    entity_type,
    entity_id,
    description,
    old_values,
    new_values,
    license_key,
    license_id,
    actor_id,
    assignment_id,
    affiliate_code,
    affiliate_id,
    click_id,
    clicked_at,
    country,
    value,
    currency,
    payment_id,
    email,
    voucher_code,
    voucher_id,
    session_id,
    scheduled_start,
    scheduled_end,
    therapist_id,
    room_id,
    prize_id,
    participant_id,
    role,
    count_,
};
inline constexpr auto event_member_count = static_cast<std::size_t>(event_member::count_);

struct event_member_row {
    event_member member;
    std::string_view path; ///< its name in faults: "data.metric"
};

/// In the order of the enumerators: a member is also the index of its row.
inline constexpr event_member_row event_members[] = {
    {event_member::account_number, "data.account_number"},
    {event_member::account_id, "data.account_id"},
    {event_member::subscription_number, "data.subscription_number"},
    {event_member::subscription_id, "data.subscription_id"},
    {event_member::user_id, "data.user_id"},
    {event_member::organization_id, "data.organization_id"},
    {event_member::ip_address, "data.ip_address"},
    {event_member::user_agent, "data.user_agent"},
    {event_member::metric, "data.metric"},
    {event_member::quantity, "data.quantity"},
    {event_member::method, "data.method"},
    {event_member::endpoint, "data.endpoint"},
    {event_member::status_code, "data.status_code"},
    {event_member::status, "data.status"},
    {event_member::duration_ms, "data.duration_ms"},
    {event_member::latency_ms, "data.latency_ms"},
    {event_member::request_bytes, "data.request_bytes"},
    {event_member::response_bytes, "data.response_bytes"},
    {event_member::api_version, "data.api_version"},
    {event_member::api_key_id, "data.api_key_id"},
    {event_member::request_id, "data.request_id"},
    {event_member::error_code, "data.error_code"},
    {event_member::message, "data.message"},
    {event_member::error_type, "data.error_type"},
    {event_member::severity, "data.severity"},
    {event_member::fingerprint, "data.fingerprint"},
    {event_member::stack_trace, "data.stack_trace"},
    {event_member::service, "data.service"},
    {event_member::environment, "data.environment"},
    {event_member::release, "data.release"},
    {event_member::feature, "data.feature"},
    {event_member::category, "data.category"},
    {event_member::count, "data.count"},
    {event_member::action, "data.action"},
    {event_member::entity_type, "data.entity_type"},
    {event_member::entity_id, "data.entity_id"},
    {event_member::description, "data.description"},
    {event_member::old_values, "data.old_values"},
    {event_member::new_values, "data.new_values"},
    {event_member::license_key, "data.license_key"},
    {event_member::license_id, "data.license_id"},
    {event_member::actor_id, "data.actor_id"},
    {event_member::assignment_id, "data.assignment_id"},
    {event_member::affiliate_code, "data.affiliate_code"},
    {event_member::affiliate_id, "data.affiliate_id"},
    {event_member::click_id, "data.click_id"},
    {event_member::clicked_at, "data.clicked_at"},
    {event_member::country, "data.country"},
    {event_member::value, "data.value"},
    {event_member::currency, "data.currency"},
    {event_member::payment_id, "data.payment_id"},
    {event_member::email, "data.email"},
    {event_member::voucher_code, "data.voucher_code"},
    {event_member::voucher_id, "data.voucher_id"},
    {event_member::session_id, "data.session_id"},
    {event_member::scheduled_start, "data.scheduled_start"},
    {event_member::scheduled_end, "data.scheduled_end"},
    {event_member::therapist_id, "data.therapist_id"},
    {event_member::room_id, "data.room_id"},
    {event_member::prize_id, "data.prize_id"},
    {event_member::participant_id, "data.participant_id"},
    {event_member::role, "data.role"},
};

static_assert(std::size(event_members) == event_member_count);
static_assert(std::ranges::all_of(event_members, [](event_member_row const& row) {
    return &row == event_members + static_cast<std::size_t>(row.member) &&
           row.path.starts_with("data.");
}));

constexpr std::string_view path_of(event_member member) noexcept {
    return event_members[static_cast<std::size_t>(member)].path;
}

/// Finds a member by its name: "metric".
inline constexpr key_table<event_member_count> event_member_keys{[] {
    std::array<std::string_view, event_member_count> names;
    for (std::size_t i = 0; i < event_member_count; ++i) {
        names[i] = event_members[i].path.substr(std::string_view{"data."}.size());
    }
    return names;
}()};

} // namespace tally::ingest
