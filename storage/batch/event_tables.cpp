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

std::size_t text_bytes(ingest::event const& what) noexcept {
    return what.source.size() + what.event_id.size() + what.type.size() + what.subject.size() +
           what.user_agent.size() + what.data.size() + what.properties.size();
}

char* put_optional_uuid(char* at, ingest::uuid const& id) noexcept {
    return id.is_nil() ? wire::put_null(at) : wire::put_uuid_field(at, id);
}

char* put_optional_int32(char* at, std::int64_t value) noexcept {
    return value == ingest::not_given ? wire::put_null(at)
                                      : wire::put_int32_field(at, static_cast<std::int32_t>(value));
}

char* put_optional_int64(char* at, std::int64_t value) noexcept {
    return value == ingest::not_given ? wire::put_null(at) : wire::put_int64_field(at, value);
}

char* put_optional_int16(char* at, std::int64_t value) noexcept {
    return value == ingest::not_given ? wire::put_null(at)
                                      : wire::put_int16_field(at, static_cast<std::int16_t>(value));
}

/// source_id, batch_id, received_at, created_at: the last columns of every table.
char* put_origin(char* at, event_row const& row, batch const& of) noexcept {
    at = wire::put_uuid_field(at, row.source_id);
    at = wire::put_uuid_field(at, of.id);
    at = wire::put_timestamp_field(at, of.opened);
    return wire::put_timestamp_field(at, of.opened);
}

// --- analytics.usage_events ------------------------------------------------------------------

constexpr std::string_view usage_events_sql =
    "COPY analytics.usage_events (account_id, occurred_at, source, event_id, type, category,"
    " subject, subscription_id, user_id, organization_id, metric, quantity, billable_quantity,"
    " cost, currency, properties, source_id, batch_id, received_at, created_at)"
    " FROM STDIN (FORMAT binary)";

std::string_view category_of(ingest::event const& what) noexcept {
    auto const* const feature = std::get_if<ingest::feature_used_data>(&what.what);
    return feature == nullptr ? std::string_view{} : feature->category;
}

char* put_metered(char* at, event_row const& row) noexcept {
    if (!row.is_metered) {
        return wire::put_null(wire::put_null(wire::put_null(wire::put_null(wire::put_null(at)))));
    }
    at = wire::put_text_field(at, std::get<ingest::usage_data>(row.what->what).metric);
    at = wire::put_numeric_field(at, row.quantity.nanos);
    at = wire::put_numeric_field(at, row.billable.nanos);
    at = wire::put_numeric_field(at, row.cost.nanos);
    return wire::put_text_field(at, {row.currency.data(), row.currency.size()});
}

void put_usage_event(byte_buffer& out, event_row const& row, batch const& of) {
    constexpr std::int16_t columns = 20;
    auto const& what = *row.what;
    auto const category = category_of(what);
    // The category of a feature is written twice: in its column, and within the data.
    char* at = out.room(row_bytes_max(columns, text_bytes(what) + category.size()));
    at = wire::put_int16(at, columns);
    at = wire::put_uuid_field(at, row.account_id);
    at = wire::put_timestamp_field(at, what.occurred);
    at = wire::put_text_field(at, what.source);
    at = wire::put_text_field(at, what.event_id);
    at = wire::put_text_field(at, what.type);
    at = wire::put_optional_text_field(at, category);
    at = wire::put_optional_text_field(at, what.subject);
    at = put_optional_uuid(at, row.subscription_id);
    at = put_optional_uuid(at, what.user_id);
    at = put_optional_uuid(at, what.organization_id);
    at = put_metered(at, row);
    // The data of these kinds has no columns in this table, so all of it is kept.
    bool const keeps_all = std::holds_alternative<ingest::entity_data>(what.what) ||
                           std::holds_alternative<ingest::feature_used_data>(what.what);
    at = wire::put_optional_json_field(at, keeps_all ? what.data : what.properties);
    out.written_to(put_origin(at, row, of));
}

// --- analytics.api_usage ---------------------------------------------------------------------

constexpr std::string_view api_usage_sql =
    "COPY analytics.api_usage (occurred_at, source, event_id, account_id, subscription_id, user_id,"
    " organization_id, api_key_id, method, endpoint, api_version, status_code, duration_ms,"
    " request_bytes, response_bytes, error_code, request_id, ip_address, user_agent, properties,"
    " source_id, batch_id, received_at, created_at) FROM STDIN (FORMAT binary)";

void put_api_request(byte_buffer& out, event_row const& row, batch const& of) {
    constexpr std::int16_t columns = 24;
    auto const& what = *row.what;
    auto const& request = std::get<ingest::api_request_data>(what.what);
    char* at = out.room(row_bytes_max(columns, text_bytes(what)));
    at = wire::put_int16(at, columns);
    at = wire::put_timestamp_field(at, what.occurred);
    at = wire::put_text_field(at, what.source);
    at = wire::put_text_field(at, what.event_id);
    at = put_optional_uuid(at, row.account_id);
    at = put_optional_uuid(at, row.subscription_id);
    at = put_optional_uuid(at, what.user_id);
    at = put_optional_uuid(at, what.organization_id);
    at = wire::put_optional_text_field(at, request.api_key_id);
    at = wire::put_text_field(at, request.method);
    at = wire::put_text_field(at, request.endpoint);
    at = wire::put_optional_text_field(at, request.api_version);
    at = wire::put_int16_field(at, static_cast<std::int16_t>(request.status_code));
    at = put_optional_int32(at, request.duration_ms);
    at = put_optional_int64(at, request.request_bytes);
    at = put_optional_int64(at, request.response_bytes);
    at = wire::put_optional_text_field(at, request.error_code);
    at = wire::put_optional_text_field(at, request.request_id);
    at = wire::put_optional_inet_field(at, what.ip_address);
    at = wire::put_optional_text_field(at, what.user_agent);
    at = wire::put_optional_json_field(at, what.properties);
    out.written_to(put_origin(at, row, of));
}

// --- analytics.error_logs --------------------------------------------------------------------

constexpr std::string_view error_logs_sql =
    "COPY analytics.error_logs (occurred_at, source, event_id, severity, error_type, error_code,"
    " message, stack_trace, service, environment, release, account_id, user_id, organization_id,"
    " method, endpoint, status_code, request_id, ip_address, user_agent, fingerprint, properties,"
    " source_id, batch_id, received_at, created_at) FROM STDIN (FORMAT binary)";

void put_app_error(byte_buffer& out, event_row const& row, batch const& of) {
    constexpr std::int16_t columns = 26;
    auto const& what = *row.what;
    auto const& error = std::get<ingest::app_error_data>(what.what);
    char* at = out.room(row_bytes_max(columns, text_bytes(what) + error.fingerprint.size()));
    at = wire::put_int16(at, columns);
    at = wire::put_timestamp_field(at, what.occurred);
    at = wire::put_text_field(at, what.source);
    at = wire::put_text_field(at, what.event_id);
    at = wire::put_text_field(at, error.severity);
    at = wire::put_text_field(at, error.error_type);
    at = wire::put_optional_text_field(at, error.error_code);
    at = wire::put_text_field(at, error.message);
    at = wire::put_optional_text_field(at, error.stack_trace);
    at = wire::put_optional_text_field(at, error.service);
    at = wire::put_optional_text_field(at, error.environment);
    at = wire::put_optional_text_field(at, error.release);
    at = put_optional_uuid(at, row.account_id);
    at = put_optional_uuid(at, what.user_id);
    at = put_optional_uuid(at, what.organization_id);
    at = wire::put_optional_text_field(at, error.method);
    at = wire::put_optional_text_field(at, error.endpoint);
    at = put_optional_int16(at, error.status_code);
    at = wire::put_optional_text_field(at, error.request_id);
    at = wire::put_optional_inet_field(at, what.ip_address);
    at = wire::put_optional_text_field(at, what.user_agent);
    at = wire::put_text_field(at, error.fingerprint);
    at = wire::put_optional_json_field(at, what.properties);
    out.written_to(put_origin(at, row, of));
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
    for (std::size_t place = 0; place < tables.size(); ++place) {
        if (static_cast<std::size_t>(tables[place].kind) != place) {
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
