#include "storage/batch/event_tables.hpp"

#include "storage/postgres/copy_table.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

using ingest::event_kind;

/// What the columns of a row are made from.
struct event_line {
    event_row const& row;
    batch const& rows;
    ingest::event const& event = *row.event;
};

/// The same for a table of one kind, whose data has columns.
template <typename Data>
struct data_line : event_line {
    Data const& data = std::get<Data>(event.event_data);
};

/// NULL if the event did not give the number.
template <typename Integer>
std::optional<Integer> unless_missing(std::int64_t value) noexcept {
    return value == ingest::not_given ? std::nullopt : std::optional{static_cast<Integer>(value)};
}

// --- analytics.usage_events ------------------------------------------------------------------

std::string_view category(event_line const& line) noexcept {
    auto const* const feature = std::get_if<ingest::feature_used_data>(&line.event.event_data);
    return feature == nullptr ? std::string_view{} : feature->category;
}

/// A value of a metered event; NULL if the event is not metered.
template <typename Value>
std::optional<Value> metered(event_line const& line, Value value) noexcept {
    return line.row.is_metered ? std::optional{value} : std::nullopt;
}

std::optional<std::string_view> metric(event_line const& line) {
    return line.row.is_metered
               ? std::optional{std::get<ingest::usage_data>(line.event.event_data).metric}
               : std::nullopt;
}

/// The data of some kinds has no columns in this table, so all of it is kept.
std::string_view kept_data(event_line const& line) noexcept {
    auto const& event = line.event;
    bool const keeps_all = std::holds_alternative<ingest::entity_data>(event.event_data) ||
                           std::holds_alternative<ingest::feature_used_data>(event.event_data);
    return keeps_all ? event.data : event.properties;
}

// Metric, quantities, cost and currency are NULL for an event that is not metered: it has no price.
constexpr copy_table usage_columns{
    "analytics.usage_events",
    copy_column{"account_id", [](auto& line) { return line.row.account_id; }},
    copy_column{"occurred_at", [](auto& line) { return wire::timestamp{line.event.occurred}; }},
    copy_column{"source", [](auto& line) { return line.event.source; }},
    copy_column{"event_id", [](auto& line) { return line.event.event_id; }},
    copy_column{"type", [](auto& line) { return line.event.type; }},
    copy_column{"category", [](auto& line) { return wire::unless_empty(category(line)); }},
    copy_column{"subject", [](auto& line) { return wire::unless_empty(line.event.subject); }},
    copy_column{"subscription_id",
                [](auto& line) { return wire::unless_nil(line.row.subscription_id); }},
    copy_column{"user_id", [](auto& line) { return wire::unless_nil(line.event.user_id); }},
    copy_column{"organization_id",
                [](auto& line) { return wire::unless_nil(line.event.organization_id); }},
    copy_column{"metric", [](auto& line) { return metric(line); }},
    copy_column{"quantity",
                [](auto& line) { return metered(line, wire::numeric{line.row.quantity.nanos}); }},
    copy_column{"billable_quantity",
                [](auto& line) { return metered(line, wire::numeric{line.row.billable.nanos}); }},
    copy_column{"cost",
                [](auto& line) { return metered(line, wire::numeric{line.row.cost.nanos}); }},
    copy_column{"currency",
                [](auto& line) {
                    return metered(
                        line, std::string_view{line.row.currency.data(), line.row.currency.size()});
                }},
    copy_column{"properties", [](auto& line) { return wire::json{kept_data(line)}; }},
    copy_column{"source_id", [](auto& line) { return line.row.source_id; }},
    copy_column{"batch_id", [](auto& line) { return line.rows.id; }},
    copy_column{"received_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
    copy_column{"created_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
};

// --- analytics.api_usage ---------------------------------------------------------------------

using api_line = data_line<ingest::api_request_data>;

constexpr copy_table api_columns{
    "analytics.api_usage",
    copy_column{"occurred_at", [](auto& line) { return wire::timestamp{line.event.occurred}; }},
    copy_column{"source", [](auto& line) { return line.event.source; }},
    copy_column{"event_id", [](auto& line) { return line.event.event_id; }},
    copy_column{"account_id", [](auto& line) { return wire::unless_nil(line.row.account_id); }},
    copy_column{"subscription_id",
                [](auto& line) { return wire::unless_nil(line.row.subscription_id); }},
    copy_column{"user_id", [](auto& line) { return wire::unless_nil(line.event.user_id); }},
    copy_column{"organization_id",
                [](auto& line) { return wire::unless_nil(line.event.organization_id); }},
    copy_column{"api_key_id", [](auto& line) { return wire::unless_empty(line.data.api_key_id); }},
    copy_column{"method", [](auto& line) { return line.data.method; }},
    copy_column{"endpoint", [](auto& line) { return line.data.endpoint; }},
    copy_column{"api_version",
                [](auto& line) { return wire::unless_empty(line.data.api_version); }},
    copy_column{"status_code",
                [](auto& line) { return static_cast<std::int16_t>(line.data.status_code); }},
    copy_column{"duration_ms",
                [](auto& line) { return unless_missing<std::int32_t>(line.data.duration_ms); }},
    copy_column{"request_bytes",
                [](auto& line) { return unless_missing<std::int64_t>(line.data.request_bytes); }},
    copy_column{"response_bytes",
                [](auto& line) { return unless_missing<std::int64_t>(line.data.response_bytes); }},
    copy_column{"error_code", [](auto& line) { return wire::unless_empty(line.data.error_code); }},
    copy_column{"request_id", [](auto& line) { return wire::unless_empty(line.data.request_id); }},
    copy_column{"ip_address", [](auto& line) { return wire::inet{line.event.ip_address}; }},
    copy_column{"user_agent", [](auto& line) { return wire::unless_empty(line.event.user_agent); }},
    copy_column{"properties", [](auto& line) { return wire::json{line.event.properties}; }},
    copy_column{"source_id", [](auto& line) { return line.row.source_id; }},
    copy_column{"batch_id", [](auto& line) { return line.rows.id; }},
    copy_column{"received_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
    copy_column{"created_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
};

// --- analytics.error_logs --------------------------------------------------------------------

using error_line = data_line<ingest::app_error_data>;

constexpr copy_table error_columns{
    "analytics.error_logs",
    copy_column{"occurred_at", [](auto& line) { return wire::timestamp{line.event.occurred}; }},
    copy_column{"source", [](auto& line) { return line.event.source; }},
    copy_column{"event_id", [](auto& line) { return line.event.event_id; }},
    copy_column{"severity", [](auto& line) { return line.data.severity; }},
    copy_column{"error_type", [](auto& line) { return line.data.error_type; }},
    copy_column{"error_code", [](auto& line) { return wire::unless_empty(line.data.error_code); }},
    copy_column{"message", [](auto& line) { return line.data.message; }},
    copy_column{"stack_trace",
                [](auto& line) { return wire::unless_empty(line.data.stack_trace); }},
    copy_column{"service", [](auto& line) { return wire::unless_empty(line.data.service); }},
    copy_column{"environment",
                [](auto& line) { return wire::unless_empty(line.data.environment); }},
    copy_column{"release", [](auto& line) { return wire::unless_empty(line.data.release); }},
    copy_column{"account_id", [](auto& line) { return wire::unless_nil(line.row.account_id); }},
    copy_column{"user_id", [](auto& line) { return wire::unless_nil(line.event.user_id); }},
    copy_column{"organization_id",
                [](auto& line) { return wire::unless_nil(line.event.organization_id); }},
    copy_column{"method", [](auto& line) { return wire::unless_empty(line.data.method); }},
    copy_column{"endpoint", [](auto& line) { return wire::unless_empty(line.data.endpoint); }},
    copy_column{"status_code",
                [](auto& line) { return unless_missing<std::int16_t>(line.data.status_code); }},
    copy_column{"request_id", [](auto& line) { return wire::unless_empty(line.data.request_id); }},
    copy_column{"ip_address", [](auto& line) { return wire::inet{line.event.ip_address}; }},
    copy_column{"user_agent", [](auto& line) { return wire::unless_empty(line.event.user_agent); }},
    copy_column{"fingerprint", [](auto& line) { return line.data.fingerprint; }},
    copy_column{"properties", [](auto& line) { return wire::json{line.event.properties}; }},
    copy_column{"source_id", [](auto& line) { return line.row.source_id; }},
    copy_column{"batch_id", [](auto& line) { return line.rows.id; }},
    copy_column{"received_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
    copy_column{"created_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
};

// --- ingest.effect_queue ---------------------------------------------------------------------

constexpr copy_table effect_columns{
    "ingest.effect_queue",
    copy_column{"id", [](auto& line) { return line.event.id; }},
    copy_column{"source", [](auto& line) { return line.event.source; }},
    copy_column{"event_id", [](auto& line) { return line.event.event_id; }},
    copy_column{"type", [](auto& line) { return line.event.type; }},
    copy_column{"subject", [](auto& line) { return wire::unless_empty(line.event.subject); }},
    copy_column{"occurred_at", [](auto& line) { return wire::timestamp{line.event.occurred}; }},
    copy_column{
        "data",
        [](auto& line) { return wire::json{line.event.data.empty() ? "{}" : line.event.data}; }},
    copy_column{"account_id", [](auto& line) { return line.row.account_id; }},
    copy_column{"source_id", [](auto& line) { return line.row.source_id; }},
    copy_column{"format", [](auto& line) { return line.row.format; }},
    copy_column{"payload", [](auto& line) { return line.row.raw; }},
    copy_column{"batch_id", [](auto& line) { return line.rows.id; }},
    copy_column{"received_at", [](auto& line) { return wire::timestamp{line.row.received}; }},
};

// --- the table of kinds ----------------------------------------------------------------------

template <auto const& Table, typename Source>
constexpr fact_table fact_table_of() noexcept {
    return {Table.name, copy_sql<Table>,
            [](byte_buffer& out, event_row const& row, batch const& rows) {
                Table.put(out, Source{row, rows});
            }};
}

constexpr auto usage_events = fact_table_of<usage_columns, event_line>();
constexpr auto api_usage = fact_table_of<api_columns, api_line>();
constexpr auto error_logs = fact_table_of<error_columns, error_line>();

// In order of arrival: that is the order in which the effects are applied (R17).
constexpr fact_table effect_queue{effect_columns.name, copy_sql<effect_columns>,
                                  [](byte_buffer& out, event_row const& row, batch const& rows) {
                                      effect_columns.put(out, event_line{row, rows});
                                  },
                                  true};

// In the order of the COPYs (storage/README.md, The batch transaction).
constexpr std::array facts{&usage_events, &api_usage, &error_logs, &effect_queue};

constexpr std::array tables{
    event_table{event_kind::usage, &usage_events, nullptr, usage_events.name},
    event_table{event_kind::api_request, &api_usage, nullptr, api_usage.name},
    event_table{event_kind::app_error, &error_logs, nullptr, error_logs.name},
    event_table{event_kind::feature_used, &usage_events, nullptr, usage_events.name},
    event_table{event_kind::audit_action, nullptr, &effect_queue, "identity.audit_logs"},
    event_table{event_kind::license, nullptr, &effect_queue, "licensing.license_audit_events"},
    event_table{event_kind::affiliate_click, nullptr, &effect_queue, "affiliates.affiliate_clicks"},
    event_table{event_kind::affiliate_conversion, &usage_events, &effect_queue, usage_events.name},
    event_table{event_kind::voucher_session, &usage_events, &effect_queue, usage_events.name},
    event_table{event_kind::room, &usage_events, &effect_queue, usage_events.name},
};

// table_of() uses the kind as an index.
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

event_table const& table_of(ingest::event_kind kind) noexcept {
    return tables[static_cast<std::size_t>(kind)];
}

std::span<fact_table const* const> fact_tables() noexcept {
    return facts;
}

bool has_effects(batch const& rows) noexcept {
    return std::ranges::any_of(
        rows.events, [](auto const& row) { return table_of(row.event->kind).effects != nullptr; });
}

} // namespace tally::storage
