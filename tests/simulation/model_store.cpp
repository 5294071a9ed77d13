#include "tests/simulation/model_server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tally::simulation {

using storage::failure;
using storage::result;

namespace {

/// For --seed: what a batch stores.
void trace(storage::batch const& rows, result const& status) {
    auto const reason = static_cast<int>(status.reason);
    for (auto const& row : rows.calls) {
        spdlog::info("sim commit {} reason={} lane={}", row.call->raw.substr(0, 18), reason,
                     rows.lane);
    }
    for (auto const& row : rows.events) {
        spdlog::info("sim commit event {} reason={} lane={}", row.event->event_id, reason,
                     rows.lane);
    }
    for (auto const& row : rows.suspense) {
        spdlog::info("sim suspend {} reason={}", row.payload.substr(0, 18), reason);
    }
}

} // namespace

result model_store::request() {
    auto const status = session_.begin();
    if (!session_.is_alive()) {
        server_.unlock(this);
    }
    return status;
}

result model_store::load_usage(std::span<storage::usage_key const> keys,
                               std::vector<storage::usage_state>& out) {
    out.assign(keys.size(), {});
    if (keys.empty()) {
        return {};
    }
    result status = request();
    for (std::size_t i = 0; status.ok() && i < keys.size(); ++i) {
        auto const found = server_.now().usage.find(keys[i]);
        if (found != server_.now().usage.end()) {
            out[i] = {found->second.version, found->second.included_s};
        } else if (std::ranges::find(created_usage_, keys[i]) != created_usage_.end()) {
            out[i] = {1, 0};
        }
    }
    return status;
}

result model_store::load_metrics(std::span<storage::metric_row const> keys,
                                 std::vector<storage::metric_state>& out) {
    result status = request();
    out.assign(keys.size(), {});
    for (std::size_t i = 0; status.ok() && i < keys.size(); ++i) {
        auto const key = key_of(keys[i]);
        auto const found = server_.now().metrics.find(key);
        if (found != server_.now().metrics.end()) {
            auto const& row = found->second;
            out[i] = {row.version, {rating::quantity{row.total_nanos}, row.last_usage}};
        } else if (std::ranges::find(created_metrics_, key) != created_metrics_.end()) {
            out[i].version = 1;
        }
    }
    return status;
}

result model_store::counted_values(std::span<storage::unique_value_row const> /*values*/,
                                   std::vector<storage::unique_value_row>& out) {
    out.clear();
    return request();
}

result model_store::stored_events(std::span<ingest::uuid const> ids,
                                  std::vector<storage::stored_event>& out) {
    out.clear();
    result status = request();
    for (std::size_t i = 0; status.ok() && i < ids.size(); ++i) {
        auto const found = server_.now().events.find(ids[i]);
        if (found != server_.now().events.end()) {
            out.push_back({ids[i], found->second.content});
        }
    }
    return status;
}

result model_store::stored_calls(std::span<storage::call_key const> keys,
                                 std::vector<storage::stored_call>& out) {
    out.clear();
    result status = request();
    for (std::size_t i = 0; status.ok() && i < keys.size(); ++i) {
        auto const found = server_.now().calls.find(keys[i]);
        if (found != server_.now().calls.end()) {
            out.push_back(found->second.columns);
        }
    }
    return status;
}

result model_store::still_waiting(std::span<ingest::uuid const> /*ids*/,
                                  std::vector<ingest::uuid>& out) {
    out.clear();
    return request();
}

/// The statements before the facts. An event that is stored already counts more than a stale row.
result model_store::open_batch(storage::batch const& rows, storage::commit_counts& counts,
                               model_state& next) {
    bool const has_all = std::ranges::all_of(
        rows.required, [&next](auto const& id) { return next.batches.contains(id); });
    if (!has_all && server_.flaw != model_flaw::forgets_chain) {
        faults_.met("lane found its last batch lost");
        return {failure::lost, {}, "a batch that this one rests on is not there"};
    }
    add_created(next);

    bool is_stale = is_outdated_;
    for (auto const& each : rows.usage) {
        auto const version = next.usage[key_of(each)].version;
        is_stale = is_stale || version != each.expected_version;
        if (each.expected_version == 0 && version > 0) {
            faults_.met("rival created the row");
        }
    }
    for (auto const& each : rows.metrics) {
        is_stale = is_stale || next.metrics[key_of(each)].version != each.expected_version;
    }
    if (!insert_events(rows, next)) {
        return {failure::duplicate, {}, "some events are stored already"};
    }
    if (is_stale && server_.flaw != model_flaw::takes_stale) {
        faults_.met("rival took the row");
        return {failure::stale, {}, "rows have another version"};
    }
    for (auto const& each : rows.suspense) {
        suspense_key key{each.source_id, each.payload};
        if (next.suspense.try_emplace(std::move(key), each.reason).second) {
            ++counts.suspended;
        }
        if (each.reason == ingest::record_error::refused_together) {
            faults_.met("suspended together");
        }
    }
    return {};
}

/// The statements of a batch, in their order. Nothing of `next` counts after a failure.
result model_store::apply(storage::batch const& rows, storage::commit_counts& counts,
                          model_state& next) {
    if (auto opened = open_batch(rows, counts, next); !opened.ok()) {
        return opened;
    }

    if (insert_calls(ahead_, next) != ahead_.size()) {
        return {failure::duplicate, "23505", "duplicate key"};
    }

    std::uint32_t row = storage::commit_counts::no_row;
    auto copied = copy_calls(rows.calls, next, row);
    if (!copied.ok()) {
        counts.refused_call = names_rows ? row : storage::commit_counts::no_row;
        return copied;
    }
    add_usage(rows, next);
    if (!next.batches.insert(rows.id).second) {
        return {failure::unknown, "23505", "this batch is stored already"};
    }
    return {};
}

bool model_store::insert_events(storage::batch const& rows, model_state& next) {
    return std::ranges::all_of(rows.events, [&next](auto const& row) {
        model_event const stored{row.event->content, row.cost.nanos};
        return next.events.try_emplace(row.event->id, stored).second;
    });
}

void model_store::add_usage(storage::batch const& rows, model_state& next) {
    for (auto const& each : rows.usage) {
        auto& row = next.usage[key_of(each)];
        row.version = each.expected_version + 1;
        row.calls += each.calls;
        row.included_s += each.included_seconds;
        row.cost_nanos += each.total_cost.nanos;
    }
    for (auto const& each : rows.metrics) {
        auto& row = next.metrics[key_of(each)];
        row.version = each.expected_version + 1;
        row.events += each.events;
        row.total_nanos = each.total.nanos;
        row.cost_nanos += each.cost.nanos;
        row.last_usage = std::max(row.last_usage, each.last_usage);
    }
    for (auto const& each : rows.balances) {
        next.charges[each.account_id] += each.charge.nanos;
    }
}

/// A request in the session in which the batch was rated.
result model_store::open(storage::batch const& rows) {
    auto const is_of_another = [&] { return rows.session != 0 && rows.session != session(); };
    bool const is_known = session_.is_open() && is_of_another(); // without a request
    result status = is_known ? result{} : request();
    if (status.ok() && is_of_another()) {
        if (session_.is_pinned) {
            roll_back();
        }
        return {failure::stale, {}, "the session in which the batch was rated has ended"};
    }
    if (status.ok() && faults_.chance(faults_.lock_wait)) {
        status = lock_timeout();
    }
    if (!status.ok()) {
        roll_back();
    }
    return status;
}

result model_store::commit(storage::batch const& rows, storage::commit_counts& counts) {
    counts = {};
    result status = open(rows);
    if (!status.ok()) {
        return status;
    }
    status = wait_for_usage(rows);
    if (status.ok()) {
        status = wait_for_calls(rows.calls);
    }
    if (!status.ok()) {
        roll_back();
        return status;
    }

    auto next = server_.now();
    status = apply(rows, counts, next);
    roll_back();
    trace(rows, status);
    if (!status.ok()) {
        counts.suspended = 0;
        if (server_.flaw == model_flaw::keeps_half_a_batch && status.reason == failure::bad_data) {
            auto half = server_.now();
            half.suspense = std::move(next.suspense);
            server_.commit(std::move(half));
        }
        if (status.reason == failure::duplicate) {
            faults_.met("duplicate in a batch");
        }
        return status;
    }
    if (faults_.chance(faults_.lost_answer)) {
        faults_.met("answer to COMMIT lost");
        session_.lose();
        if (faults_.chance(500)) {
            server_.commit(std::move(next));
        }
        return {failure::unknown, "08006", "the answer to COMMIT is lost"};
    }
    server_.commit(std::move(next));
    faults_.interleave(); // committed, and the client does not know it yet
    return {};
}

storage::expected<bool> model_store::is_committed(ingest::uuid const& batch_id) {
    result const status = request();
    if (!status.ok()) {
        return status;
    }
    return server_.now().batches.contains(batch_id);
}

result model_store::ensure_cdr_days(std::span<std::int32_t const> /*days*/,
                                    std::vector<std::int32_t>& refused) {
    refused.clear();
    return {};
}

result model_store::ensure_event_days(std::span<storage::event_day const> /*days*/,
                                      std::vector<storage::event_day>& refused) {
    refused.clear();
    return {};
}

} // namespace tally::simulation
