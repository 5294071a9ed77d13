#include "storage/batch/event_tables.hpp"

#include "storage/batch/batch_statements.hpp"
#include "storage/postgres/wire_format.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

using ingest::event_kind;

constexpr std::size_t field_head_bytes = 4;

/// Upper bound of the bytes of a row: no field without text is longer than a numeric.
std::size_t row_bytes_max(std::size_t columns, std::size_t text) noexcept {
    return 2 + columns * (field_head_bytes + wire::numeric_field_bytes_max) + text;
}

std::size_t text_bytes(ingest::event const& event) noexcept {
    return event.source.size() + event.event_id.size() + event.type.size() + event.subject.size() +
           event.user_agent.size() + event.data.size() + event.properties.size();
}

char* put_optional_uuid(char* cursor, ingest::uuid const& id) noexcept {
    return id.is_nil() ? wire::put_null(cursor) : wire::put_uuid_field(cursor, id);
}

char* put_optional_int32(char* cursor, std::int64_t value) noexcept {
    return value == ingest::not_given
               ? wire::put_null(cursor)
               : wire::put_int32_field(cursor, static_cast<std::int32_t>(value));
}

char* put_optional_int64(char* cursor, std::int64_t value) noexcept {
    return value == ingest::not_given ? wire::put_null(cursor)
                                      : wire::put_int64_field(cursor, value);
}

char* put_optional_int16(char* cursor, std::int64_t value) noexcept {
    return value == ingest::not_given
               ? wire::put_null(cursor)
               : wire::put_int16_field(cursor, static_cast<std::int16_t>(value));
}

/// source_id, batch_id, received_at, created_at: the last columns of every table.
char* put_origin(char* cursor, event_row const& row, batch const& rows) noexcept {
    cursor = wire::put_uuid_field(cursor, row.source_id);
    cursor = wire::put_uuid_field(cursor, rows.id);
    cursor = wire::put_timestamp_field(cursor, rows.opened);
    return wire::put_timestamp_field(cursor, rows.opened);
}

// --- analytics.usage_events ------------------------------------------------------------------

constexpr std::string_view usage_events_sql =
    "COPY analytics.usage_events (account_id, occurred_at, source, event_id, type, category,"
    " subject, subscription_id, user_id, organization_id, metric, quantity, billable_quantity,"
    " cost, currency, properties, source_id, batch_id, received_at, created_at)"
    " FROM STDIN (FORMAT binary)";

std::string_view category_of(ingest::event const& event) noexcept {
    auto const* const feature = std::get_if<ingest::feature_used_data>(&event.event_data);
    return feature == nullptr ? std::string_view{} : feature->category;
}

char* put_metered(char* cursor, event_row const& row) noexcept {
    if (!row.is_metered) {
        return wire::put_null(
            wire::put_null(wire::put_null(wire::put_null(wire::put_null(cursor)))));
    }
    cursor =
        wire::put_text_field(cursor, std::get<ingest::usage_data>(row.event->event_data).metric);
    cursor = wire::put_numeric_field(cursor, row.quantity.nanos);
    cursor = wire::put_numeric_field(cursor, row.billable.nanos);
    cursor = wire::put_numeric_field(cursor, row.cost.nanos);
    return wire::put_text_field(cursor, {row.currency.data(), row.currency.size()});
}

void put_usage_event(byte_buffer& out, event_row const& row, batch const& rows) {
    constexpr std::int16_t columns = 20;
    auto const& event = *row.event;
    auto const category = category_of(event);
    // The category of a feature is written twice: in its column, and within the data.
    char* cursor = out.room(row_bytes_max(columns, text_bytes(event) + category.size()));
    cursor = wire::put_int16(cursor, columns);
    cursor = wire::put_uuid_field(cursor, row.account_id);
    cursor = wire::put_timestamp_field(cursor, event.occurred);
    cursor = wire::put_text_field(cursor, event.source);
    cursor = wire::put_text_field(cursor, event.event_id);
    cursor = wire::put_text_field(cursor, event.type);
    cursor = wire::put_optional_text_field(cursor, category);
    cursor = wire::put_optional_text_field(cursor, event.subject);
    cursor = put_optional_uuid(cursor, row.subscription_id);
    cursor = put_optional_uuid(cursor, event.user_id);
    cursor = put_optional_uuid(cursor, event.organization_id);
    cursor = put_metered(cursor, row);
    // The data of these kinds has no columns in this table, so all of it is kept.
    bool const keeps_all = std::holds_alternative<ingest::entity_data>(event.event_data) ||
                           std::holds_alternative<ingest::feature_used_data>(event.event_data);
    cursor = wire::put_optional_json_field(cursor, keeps_all ? event.data : event.properties);
    out.written_to(put_origin(cursor, row, rows));
}

// --- analytics.api_usage ---------------------------------------------------------------------

constexpr std::string_view api_usage_sql =
    "COPY analytics.api_usage (occurred_at, source, event_id, account_id, subscription_id, user_id,"
    " organization_id, api_key_id, method, endpoint, api_version, status_code, duration_ms,"
    " request_bytes, response_bytes, error_code, request_id, ip_address, user_agent, properties,"
    " source_id, batch_id, received_at, created_at) FROM STDIN (FORMAT binary)";

void put_api_request(byte_buffer& out, event_row const& row, batch const& rows) {
    constexpr std::int16_t columns = 24;
    auto const& event = *row.event;
    auto const& request = std::get<ingest::api_request_data>(event.event_data);
    char* cursor = out.room(row_bytes_max(columns, text_bytes(event)));
    cursor = wire::put_int16(cursor, columns);
    cursor = wire::put_timestamp_field(cursor, event.occurred);
    cursor = wire::put_text_field(cursor, event.source);
    cursor = wire::put_text_field(cursor, event.event_id);
    cursor = put_optional_uuid(cursor, row.account_id);
    cursor = put_optional_uuid(cursor, row.subscription_id);
    cursor = put_optional_uuid(cursor, event.user_id);
    cursor = put_optional_uuid(cursor, event.organization_id);
    cursor = wire::put_optional_text_field(cursor, request.api_key_id);
    cursor = wire::put_text_field(cursor, request.method);
    cursor = wire::put_text_field(cursor, request.endpoint);
    cursor = wire::put_optional_text_field(cursor, request.api_version);
    cursor = wire::put_int16_field(cursor, static_cast<std::int16_t>(request.status_code));
    cursor = put_optional_int32(cursor, request.duration_ms);
    cursor = put_optional_int64(cursor, request.request_bytes);
    cursor = put_optional_int64(cursor, request.response_bytes);
    cursor = wire::put_optional_text_field(cursor, request.error_code);
    cursor = wire::put_optional_text_field(cursor, request.request_id);
    cursor = wire::put_optional_inet_field(cursor, event.ip_address);
    cursor = wire::put_optional_text_field(cursor, event.user_agent);
    cursor = wire::put_optional_json_field(cursor, event.properties);
    out.written_to(put_origin(cursor, row, rows));
}

// --- analytics.error_logs --------------------------------------------------------------------

constexpr std::string_view error_logs_sql =
    "COPY analytics.error_logs (occurred_at, source, event_id, severity, error_type, error_code,"
    " message, stack_trace, service, environment, release, account_id, user_id, organization_id,"
    " method, endpoint, status_code, request_id, ip_address, user_agent, fingerprint, properties,"
    " source_id, batch_id, received_at, created_at) FROM STDIN (FORMAT binary)";

void put_app_error(byte_buffer& out, event_row const& row, batch const& rows) {
    constexpr std::int16_t columns = 26;
    auto const& event = *row.event;
    auto const& error = std::get<ingest::app_error_data>(event.event_data);
    char* cursor = out.room(row_bytes_max(columns, text_bytes(event) + error.fingerprint.size()));
    cursor = wire::put_int16(cursor, columns);
    cursor = wire::put_timestamp_field(cursor, event.occurred);
    cursor = wire::put_text_field(cursor, event.source);
    cursor = wire::put_text_field(cursor, event.event_id);
    cursor = wire::put_text_field(cursor, error.severity);
    cursor = wire::put_text_field(cursor, error.error_type);
    cursor = wire::put_optional_text_field(cursor, error.error_code);
    cursor = wire::put_text_field(cursor, error.message);
    cursor = wire::put_optional_text_field(cursor, error.stack_trace);
    cursor = wire::put_optional_text_field(cursor, error.service);
    cursor = wire::put_optional_text_field(cursor, error.environment);
    cursor = wire::put_optional_text_field(cursor, error.release);
    cursor = put_optional_uuid(cursor, row.account_id);
    cursor = put_optional_uuid(cursor, event.user_id);
    cursor = put_optional_uuid(cursor, event.organization_id);
    cursor = wire::put_optional_text_field(cursor, error.method);
    cursor = wire::put_optional_text_field(cursor, error.endpoint);
    cursor = put_optional_int16(cursor, error.status_code);
    cursor = wire::put_optional_text_field(cursor, error.request_id);
    cursor = wire::put_optional_inet_field(cursor, event.ip_address);
    cursor = wire::put_optional_text_field(cursor, event.user_agent);
    cursor = wire::put_text_field(cursor, error.fingerprint);
    cursor = wire::put_optional_json_field(cursor, event.properties);
    out.written_to(put_origin(cursor, row, rows));
}

// --- the table of kinds ----------------------------------------------------------------------

constexpr fact_table usage_events{"analytics.usage_events", usage_events_sql, put_usage_event};
constexpr fact_table api_usage{"analytics.api_usage", api_usage_sql, put_api_request};
constexpr fact_table error_logs{"analytics.error_logs", error_logs_sql, put_app_error};

constexpr std::array facts{&usage_events, &api_usage, &error_logs};

constexpr std::array tables{
    event_table{event_kind::usage, &usage_events, nullptr, usage_events.name},
    event_table{event_kind::api_request, &api_usage, nullptr, api_usage.name},
    event_table{event_kind::app_error, &error_logs, nullptr, error_logs.name},
    event_table{event_kind::feature_used, &usage_events, nullptr, usage_events.name},
    event_table{event_kind::audit_action, nullptr, statement::apply_audit, "identity.audit_logs"},
    event_table{event_kind::license, nullptr, statement::apply_license,
                "licensing.license_audit_events"},
    event_table{event_kind::affiliate_click, nullptr, statement::apply_click,
                "affiliates.affiliate_clicks"},
    event_table{event_kind::affiliate_conversion, &usage_events, statement::apply_conversion,
                usage_events.name},
    event_table{event_kind::voucher_session, &usage_events, statement::apply_session,
                usage_events.name},
    event_table{event_kind::room, &usage_events, statement::apply_room, usage_events.name},
};

constexpr bool in_order_of_the_enum() {
    for (std::size_t index = 0; index < tables.size(); ++index) {
        if (static_cast<std::size_t>(tables[index].kind) != index) {
            return false;
        }
    }
    return tables.size() == static_cast<std::size_t>(event_kind::count_);
}
static_assert(in_order_of_the_enum());

} // namespace

std::span<event_table const> event_tables() noexcept {
    return tables;
}

event_table const& table_of(ingest::event_kind kind) noexcept {
    return tables[static_cast<std::size_t>(kind)];
}

std::span<fact_table const* const> fact_tables() noexcept {
    return facts;
}

} // namespace tally::storage
