#include "storage/lane/event_batch.hpp"

#include "ingest/json/member.hpp"

#include <algorithm>
#include <tuple>

namespace tally::storage {

namespace {

using ingest::record_error;
using ingest::usage_data;

// Two metrics have columns of their own in billing.subscription_usage; all have a metric row.
constexpr std::string_view sms_metric = "sms";
constexpr std::string_view data_metric = "data_mb";

rating::catalog_index plan_of(batch_entry const& entry) noexcept {
    return entry.catalog->subscription_at(entry.event_owner.subscription).plan;
}

} // namespace

void event_batch::begin(std::span<batch_entry> entries, usage_totals& totals,
                        metric_cache const* cache) {
    // Cleared, not freed: a lane keeps the memory from batch to batch.
    metered_.clear();
    metered_.resize(entries.size());
    metrics_.clear();
    metric_indices_.clear();
    missing_.clear();
    missing_indices_.clear();
    values_.clear();
    value_indices_.clear();

    // Only metered events have a period; the facts of the others are rows as they are.
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].is_live_event() && entries[i].event->kind == ingest::event_kind::usage) {
            begin_one(entries[i], metered_[i], totals);
        }
    }

    // Which of the metric rows are not remembered?
    is_counted_.assign(values_.size(), false);
    for (std::uint32_t index = 0; index < metrics_.size(); ++index) {
        auto& metric = metrics_[index];
        auto const* known = cache == nullptr ? nullptr : cache->find(metric.key);
        if (known != nullptr) {
            metric.before = *known;
        } else {
            missing_.push_back(metric.row);
            missing_indices_.push_back(index);
        }
    }
}

void event_batch::begin_one(batch_entry& entry, metered& usage, usage_totals& totals) {
    // The plan that was valid when the event happened has the price, in the entry's own catalog
    // (R14).
    auto const& data = std::get<usage_data>(entry.event->event_data);
    auto const& plan = entry.catalog->plan_at(plan_of(entry));
    usage.price = plan.find_metric(data.metric, entry.event->occurred);

    // A price may be added to the plan later: a change of the catalog retries the event.
    if (usage.price == nullptr) {
        entry.suspend(record_error::unknown_metric, ingest::explain(record_error::unknown_metric));
        return;
    }

    // The rows that the event adds to.
    usage.period =
        totals.index_of(*entry.catalog, entry.event_owner.subscription, entry.event->occurred);
    usage.metric = metric_of(entry, usage.period, totals);

    // An event whose value is missing can be counted neither as new nor as known.
    if (usage.price->method == rating::aggregation::unique &&
        !note_value(entry, usage, metrics_[usage.metric].row)) {
        entry.suspend(record_error::missing_field,
                      "the metric counts values of a property that the event does not have");
    }
}

std::uint32_t event_batch::metric_of(batch_entry const& entry, std::uint32_t period,
                                     usage_totals& totals) {
    auto const number = totals.metric_number(std::get<usage_data>(entry.event->event_data).metric);

    // One row per period and metric, however many events the batch has of it.
    auto const& usage = totals.at(period);
    auto const [found, is_new] = metric_indices_.try_emplace(
        metric_key{usage.key, number}, static_cast<std::uint32_t>(metrics_.size()));
    if (is_new) {
        metric_of_period added;
        added.key = {usage.key, number};
        added.row.subscription_id = usage.delta.subscription_id;
        added.row.account_id = usage.delta.account_id;
        added.row.period_start = usage.delta.period_start;
        added.row.period_end = usage.delta.period_end;
        added.row.metric = totals.metric_name(number);
        added.row.currency = usage.delta.currency;
        metrics_.push_back(added);
    }
    return found->second;
}

bool event_batch::note_value(batch_entry& entry, metered& usage, metric_row const& row) {
    // A value may have any length; its name-based uuid has 16 bytes, and equal values have equal
    // ones.
    auto const value = ingest::json_member(entry.event->data, usage.price->unique_property);
    if (!value) {
        return false;
    }
    unique_value_row const counted{row.subscription_id, row.period_start, row.metric,
                                   ingest::uuid_v5(ingest::event_name_space, *value)};
    auto const [found, is_new] =
        value_indices_.try_emplace(counted, static_cast<std::uint32_t>(values_.size()));
    if (is_new) {
        values_.push_back(counted);
    }
    usage.value = found->second;
    return true;
}

void event_batch::learn(std::span<metric_state const> states, metric_cache* cache) {
    for (std::size_t i = 0; i < states.size(); ++i) {
        auto& metric = metrics_[missing_indices_[i]];
        metric.before = states[i];
        if (cache != nullptr) {
            cache->put(metric.key, states[i]);
        }
    }
}

void event_batch::learn_counted(std::span<unique_value_row const> counted) {
    std::vector<unique_value_row> sorted(counted.begin(), counted.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < values_.size(); ++i) {
        is_counted_[i] = std::binary_search(sorted.begin(), sorted.end(), values_[i]);
    }
}

void event_batch::rate(std::span<batch_entry> entries, usage_totals& totals, batch& out) {
    out.events.clear();
    out.metrics.clear();
    out.unique_values.clear();

    // A batch may be rated several times; each time begins from the state of the rows.
    is_taken_ = is_counted_;
    for (auto& metric : metrics_) {
        metric.usage = metric.before.usage;
        metric.row.expected_version = metric.before.version;
    }

    // In order of arrival: each event is rated on the total that the ones before it left.
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto& entry = entries[i];
        if (!entry.is_live_event()) {
            continue;
        }
        if (entry.event->kind == ingest::event_kind::usage) {
            rate_one(entry, metered_[i], totals, out);
        } else {
            out.events.push_back(row_of(entry));
        }
    }

    // A metric whose events were all suspended is left alone.
    for (auto& metric : metrics_) {
        if (metric.row.events > 0) {
            metric.row.total = metric.usage.total;
            out.metrics.push_back(metric.row);
        }
    }
}

event_row event_batch::row_of(batch_entry const& entry) {
    // Raw bytes and time of receipt are for a refused effect, which goes to suspense as it came
    // (R17).
    event_row row;
    row.event = entry.event;
    row.source_id = entry.source->id;
    row.format = entry.format;
    row.raw = entry.raw;
    row.received = entry.received;
    auto const& catalog = *entry.catalog;

    // Errors and requests need not belong to an account.
    if (entry.event_owner.account != rating::no_index) {
        row.account_id = catalog.account_at(entry.event_owner.account).id;
    }
    if (entry.event_owner.subscription != rating::no_index) {
        row.subscription_id = catalog.subscription_at(entry.event_owner.subscription).id;
    }
    return row;
}

void event_batch::rate_one(batch_entry& entry, metered const& usage, usage_totals& totals,
                           batch& out) {
    auto const& data = std::get<usage_data>(entry.event->event_data);
    auto& metric = metrics_[usage.metric];
    bool const is_new_value = usage.value != UINT32_MAX && !is_taken_[usage.value];

    // Tiers and allowances depend on the total so far, which the version check of the metric's row
    // protects (R8).
    auto const rated = rating::rate_usage(
        *usage.price, entry.catalog->plan_at(plan_of(entry)).head().rounding_mode, metric.usage,
        {rating::quantity{data.quantity_nanos}, entry.event->occurred, is_new_value});
    if (rated.error != record_error::none) {
        entry.suspend(rated.error, ingest::explain(rated.error));
        return;
    }

    // Of several events with one new value only the first counts it.
    if (is_new_value) {
        is_taken_[usage.value] = true;
        out.unique_values.push_back(values_[usage.value]);
    }

    // The next event of the metric is rated on what this one leaves.
    metric.usage = rated.after;
    add_metered(entry, usage, rated, totals, out);
}

void event_batch::add_metered(batch_entry const& entry, metered const& usage,
                              rating::rated_usage const& rated, usage_totals& totals, batch& out) {
    auto const& data = std::get<usage_data>(entry.event->event_data);
    auto const occurred = entry.event->occurred;

    // The fact: what was used, and what it cost.
    event_row row = row_of(entry);
    row.currency = totals.at(usage.period).delta.currency;
    row.is_metered = true;
    row.quantity = rating::quantity{data.quantity_nanos};
    row.billable = rated.billable;
    row.cost = rated.cost;
    out.events.push_back(row);

    // The metric's row in the period.
    auto& counted = metrics_[usage.metric].row;
    ++counted.events;
    counted.included_used = rated.included_used;
    counted.cost += rated.cost;
    counted.last_usage = std::max(counted.last_usage, occurred);

    // The period's usage row, which has columns of its own for two metrics.
    auto& delta = totals.at(usage.period).delta;
    ++delta.events;
    delta.total_cost += rated.cost;
    delta.last_usage = std::max(delta.last_usage, occurred);
    if (counted.metric == sms_metric) {
        delta.sms_nanos += data.quantity_nanos;
    } else if (counted.metric == data_metric) {
        delta.data_mb_nanos += data.quantity_nanos;
    }

    // The daily aggregate, by the plan's local day, from the same amounts (R10).
    auto const day = totals.calendar_of(*entry.catalog, plan_of(entry)).day_of(occurred);
    totals.add_day(usage.period, day, metrics_[usage.metric].key.metric,
                   {data.quantity_nanos, rated.billable.nanos, rated.cost}, out);
}

bool event_batch::moves_all() const noexcept {
    return std::all_of(metrics_.begin(), metrics_.end(),
                       [](auto const& metric) { return metric.row.events > 0; });
}

void event_batch::written(metric_cache& cache) const {
    for (auto const& metric : metrics_) {
        if (metric.row.events > 0) {
            cache.put(metric.key, {metric.before.version + 1, metric.usage});
        }
    }
}

void event_batch::forget(metric_cache& cache) const noexcept {
    for (auto const& metric : metrics_) {
        cache.forget(metric.key);
    }
}

} // namespace tally::storage
