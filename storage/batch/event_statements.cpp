#include "storage/batch/event_statements.hpp"

#include "storage/batch/batch_statements.hpp"
#include "storage/postgres/array_binding.hpp"

namespace tally::storage {

namespace {

void add_optional(array_parameter& parameters, std::int64_t value) {
    if (value == ingest::not_given) {
        parameters.add_null();
    } else {
        parameters.add_int64(value);
    }
}

// The order of the table's key, in which all sessions lock metric rows (R13).
auto key_of_metric(metric_row const& r) noexcept {
    return std::tie(r.subscription_id, r.period_start, r.metric);
}

} // namespace

parameters& identity_rows::fill(batch const& rows) {
    // In the order of ids: two batches with the same events wait for each other at the first of
    // them, and none of them can hold one that the other needs first (S6).
    sort_indices(std::span{rows.events}, order_,
                 [](event_row const& row) { return std::tie(row.event->id); });

    clear_all(id_, content_, occurred_);
    for (std::uint32_t const index : order_) {
        auto const& event = *rows.events[index].event;
        id_.add(event.id);
        content_.add_int64(static_cast<std::int64_t>(event.content));
        occurred_.add_time(event.occurred);
    }
    return bind(values_, id_, content_, occurred_).add(rows.id);
}

parameters& metric_rows::fill(std::span<metric_row const> rows) {
    sort_indices(rows, order_, key_of_metric);

    clear_all(subscription_, account_, period_start_, period_end_, metric_, events_, total_,
              included_, cost_, currency_, last_usage_, expected_);
    for (std::uint32_t const index : order_) {
        auto const& r = rows[index];
        subscription_.add(r.subscription_id);
        account_.add(r.account_id);
        period_start_.add_time(r.period_start);
        period_end_.add_time(r.period_end);
        metric_.add_bytes(r.metric);
        events_.add_int64(r.events);
        // The total as it will be, not a difference: the expected version guards it (R8).
        total_.add_numeric(r.total.nanos);
        included_.add_numeric(r.included_used.nanos);
        cost_.add_numeric(r.cost.nanos);
        currency_.add_bytes({r.currency.data(), r.currency.size()});
        last_usage_.add_time(r.last_usage);
        expected_.add_int64(r.expected_version);
    }
    return bind(values_, subscription_, account_, period_start_, period_end_, metric_, events_,
                total_, included_, cost_, currency_, last_usage_, expected_);
}

parameters& metric_locks::fill(std::span<metric_row const> rows) {
    sort_indices(rows, order_, key_of_metric);

    clear_all(subscription_, account_, period_start_, period_end_, metric_, currency_);
    for (std::uint32_t const index : order_) {
        auto const& r = rows[index];
        subscription_.add(r.subscription_id);
        account_.add(r.account_id);
        period_start_.add_time(r.period_start);
        period_end_.add_time(r.period_end);
        metric_.add_bytes(r.metric);
        currency_.add_bytes({r.currency.data(), r.currency.size()});
    }
    return bind(values_, subscription_, account_, period_start_, period_end_, metric_, currency_);
}

parameters& metric_keys::fill(std::span<metric_row const> rows) {
    // Not sorted: nothing is locked, and the answer names its row by position.
    clear_all(subscription_, period_start_, metric_);
    for (auto const& row : rows) {
        subscription_.add(row.subscription_id);
        period_start_.add_time(row.period_start);
        metric_.add_bytes(row.metric);
    }
    return bind(values_, subscription_, period_start_, metric_);
}

parameters& unique_value_rows::fill(std::span<unique_value_row const> rows) {
    sort_indices(
        rows, order_, [](unique_value_row const& row) -> auto const& { return row; });
    clear_all(subscription_, period_start_, metric_, value_);
    for (std::uint32_t const index : order_) {
        subscription_.add(rows[index].subscription_id);
        period_start_.add_time(rows[index].period_start);
        metric_.add_bytes(rows[index].metric);
        value_.add(rows[index].value_id);
    }
    return bind(values_, subscription_, period_start_, metric_, value_);
}

parameters& feature_rows::fill(batch const& rows) {
    // Not sorted here: the statement sums rows up by key and orders them itself.
    clear_all(account_, user_, feature_, organization_, category_, uses_, occurred_, properties_);
    for (auto const& row : rows.events) {
        auto const* const used = std::get_if<ingest::feature_used_data>(&row.event->event_data);
        if (used == nullptr) {
            continue;
        }

        account_.add(row.account_id);
        user_.add(row.event->user_id);
        feature_.add_bytes(used->feature);
        add_optional(organization_, row.event->organization_id);
        add_optional(category_, used->category);
        uses_.add_int64(used->uses);
        occurred_.add_time(row.event->occurred);
        properties_.add_json(row.event->properties);
    }
    return bind(values_, account_, user_, feature_, organization_, category_, uses_, occurred_,
                properties_);
}

parameters& api_day_rows::fill(batch const& rows) {
    // The day is computed by the statement, in UTC.
    clear_all(account_, occurred_, endpoint_, method_, status_, duration_, request_bytes_,
              response_bytes_);
    for (auto const& row : rows.events) {
        auto const* const request = std::get_if<ingest::api_request_data>(&row.event->event_data);
        if (request == nullptr) {
            continue;
        }

        // Requests of one account, day and endpoint become one row.
        account_.add(row.account_id);
        occurred_.add_time(row.event->occurred);
        endpoint_.add_bytes(request->endpoint);
        method_.add_bytes(request->method);
        status_.add_int32(static_cast<std::int32_t>(request->status_code));
        add_optional(duration_, request->duration_ms);
        add_optional(request_bytes_, request->request_bytes);
        add_optional(response_bytes_, request->response_bytes);
    }
    return bind(values_, account_, occurred_, endpoint_, method_, status_, duration_,
                request_bytes_, response_bytes_);
}

parameters& error_group_rows::fill(batch const& rows) {
    // As for features: the statement groups and orders the rows.
    clear_all(account_, service_, fingerprint_, severity_, type_, message_, release_, occurred_);
    for (auto const& row : rows.events) {
        auto const* const error = std::get_if<ingest::app_error_data>(&row.event->event_data);
        if (error == nullptr) {
            continue;
        }

        account_.add(row.account_id);
        service_.add_bytes(error->service);
        fingerprint_.add_bytes(error->fingerprint);
        severity_.add_bytes(error->severity);
        type_.add_bytes(error->error_type);
        message_.add_bytes(error->message);
        add_optional(release_, error->release);
        occurred_.add_time(row.event->occurred);
    }
    return bind(values_, account_, service_, fingerprint_, severity_, type_, message_, release_,
                occurred_);
}

void event_counters::add(batch const& content, std::vector<pipelined>& statements) {
    if (auto& rows = features_.fill(content); !features_.is_empty()) {
        statements.push_back({statement::features, &rows});
    }
    if (auto& rows = api_days_.fill(content); !api_days_.is_empty()) {
        statements.push_back({statement::api_days, &rows});
    }
    if (auto& rows = error_groups_.fill(content); !error_groups_.is_empty()) {
        statements.push_back({statement::error_groups, &rows});
    }
}

} // namespace tally::storage
