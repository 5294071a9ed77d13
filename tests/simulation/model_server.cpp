#include "tests/simulation/model_server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tally::simulation {

using storage::failure;
using storage::result;

namespace {

result transient(char const* detail) {
    return {failure::transient, "08006", detail};
}

std::string content_of(ingest::cdr const& call) {
    std::string text{call.caller_id};
    text.append("|").append(call.destination).append("|").append(call.hangup_cause);
    return text + "|" + std::to_string(call.billsec_ms) + "|" + std::to_string(call.end);
}

storage::stored_call columns_of(storage::cdr_row const& row, storage::call_key const& key) {
    auto const& call = *row.call;
    storage::stored_call columns;
    columns.key = key;
    columns.subscription_id = row.subscription_id;
    columns.caller_id = call.caller_id;
    columns.destination = call.destination;
    columns.sent_caller_id = call.sent_caller_id;
    columns.sent_destination = call.sent_destination;
    columns.hangup_cause = call.hangup_cause;
    columns.direction = call.direction;
    columns.answer =
        call.answer == ingest::never_us ? call.answer : ingest::whole_second(call.answer);
    columns.end = ingest::whole_second(call.end);
    columns.duration_s = call.duration_ms / 1000;
    columns.billsec_s = call.billsec_ms / 1000;
    return columns;
}

/// For --seed: what a batch stores.
void trace(storage::batch const& rows, result const& status) {
    for (auto const& row : rows.calls) {
        spdlog::info("sim commit {} reason={} lane={}", row.call->raw.substr(0, 18),
                     static_cast<int>(status.reason), rows.lane);
    }
    for (auto const& row : rows.suspense) {
        spdlog::info("sim suspend {} reason={}", row.payload.substr(0, 18),
                     static_cast<int>(status.reason));
    }
}

storage::call_key key_of(storage::cdr_row const& row) {
    return {row.account_id, ingest::whole_second(row.call->start), row.call->id};
}

} // namespace

result model_store::request() {
    faults_.interleave();
    if (faults_.chance(faults_.disconnect)) {
        epoch_ = 0;
        server_.unlock(this);
    }
    return open();
}

// A lost session is replaced, unless a transaction is open in it.
result model_store::open() {
    if (epoch_ == server_.epoch() && !server_.is_down) {
        return {};
    }
    epoch_ = 0;
    server_.unlock(this);
    if (std::exchange(in_transaction_, false) || server_.is_down) {
        return transient("the connection is lost");
    }
    epoch_ = server_.epoch();
    ++generation_;
    return {};
}

result model_store::load_usage(std::span<storage::usage_key const> keys,
                               std::vector<storage::usage_state>& out) {
    result status = request();
    out.assign(keys.size(), {});
    for (std::size_t i = 0; status.ok() && i < keys.size(); ++i) {
        auto const found = server_.now().usage.find(keys[i]);
        if (found != server_.now().usage.end()) {
            out[i] = {found->second.version, found->second.included_s};
        }
    }
    return status;
}

result model_store::load_metrics(std::span<storage::metric_row const> keys,
                                 std::vector<storage::metric_state>& out) {
    out.assign(keys.size(), {});
    return request();
}

result model_store::counted_values(std::span<storage::unique_value_row const> /*values*/,
                                   std::vector<storage::unique_value_row>& out) {
    out.clear();
    return request();
}

result model_store::stored_events(std::span<ingest::uuid const> /*ids*/,
                                  std::vector<storage::stored_event>& out) {
    out.clear();
    return request();
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

result model_store::lock_rows(std::span<storage::usage_delta const> usage,
                              std::span<storage::metric_row const> metrics) {
    result status = request();
    if (!status.ok() || (usage.empty() && metrics.empty())) {
        return status;
    }
    for (auto const& each : usage) {
        if (server_.is_locked({each.subscription_id, each.period_start}, this)) {
            server_.unlock(this);
            return {failure::transient, "55P03", "lock time-out"};
        }
        server_.lock({each.subscription_id, each.period_start}, this);
    }
    in_transaction_ = true;
    return {};
}

void model_store::roll_back() noexcept {
    server_.unlock(this);
    in_transaction_ = false;
}

/// The statements of a batch, in their order. Nothing of `next` counts after a failure.
result model_store::apply(storage::batch const& rows, storage::commit_counts& counts,
                          model_state& next) {
    bool const has_all = std::ranges::all_of(
        rows.required, [&next](auto const& id) { return next.batches.contains(id); });
    if (!has_all) {
        faults_.met("lane found its last batch lost");
        return {failure::lost, {}, "a batch that this one rests on is not there"};
    }
    for (auto const& each : rows.usage) {
        storage::usage_key const key{each.subscription_id, each.period_start};
        if (server_.is_locked(key, this)) {
            return {failure::transient, "55P03", "lock time-out"};
        }
        if (next.usage[key].version != each.expected_version) {
            return {failure::stale, {}, "usage rows have another version"};
        }
    }
    for (auto const& each : rows.suspense) {
        if (next.suspense.try_emplace(std::string{each.payload}, each.received).second) {
            ++counts.suspended;
        }
    }

    // COPY: the first bad row ends it. Rows of the batch are sent sorted, so which one comes first
    // is not the first of the vector.
    for (std::uint32_t i = 0; i < rows.calls.size(); ++i) {
        if (rows.calls[i].call->hangup_cause == "refused") {
            bool const is_named = rows.calls[i].call->id.bytes[0] % 2 == 0;
            counts.refused_call = is_named ? i : storage::commit_counts::no_row;
            return {failure::bad_data, "23514", "violates check constraint"};
        }
    }
    if (!insert_calls(rows, next)) {
        return {failure::duplicate, "23505", "duplicate key"};
    }
    add_usage(rows, next);
    next.batches.insert(rows.id);
    return {};
}

bool model_store::insert_calls(storage::batch const& rows, model_state& next) {
    return std::ranges::all_of(rows.calls, [&next](auto const& row) {
        auto const key = key_of(row);
        model_call stored{content_of(*row.call), row.subscription_id, row.rated.cost.nanos,
                          columns_of(row, key)};
        return next.calls.try_emplace(key, std::move(stored)).second;
    });
}

void model_store::add_usage(storage::batch const& rows, model_state& next) {
    for (auto const& each : rows.usage) {
        auto& row = next.usage[{each.subscription_id, each.period_start}];
        row.version = each.expected_version + 1;
        row.calls += each.calls;
        row.included_s += each.included_seconds;
        row.cost_nanos += each.total_cost.nanos;
    }
    for (auto const& each : rows.balances) {
        next.charges[each.account_id] += each.charge.nanos;
    }
}

result model_store::commit(storage::batch const& rows, storage::commit_counts& counts) {
    counts = {};
    result status = request();
    if (status.ok() && rows.session != 0 && rows.session != generation_) {
        roll_back();
        return {failure::stale, {}, "the session in which the batch was rated has ended"};
    }
    if (!status.ok()) {
        return status;
    }
    if (faults_.chance(faults_.lock_wait)) {
        roll_back();
        return {failure::transient, "55P03", "lock time-out"};
    }

    auto next = server_.now();
    status = apply(rows, counts, next);
    roll_back();
    trace(rows, status);
    if (!status.ok()) {
        counts.suspended = 0;
        if (status.reason == failure::duplicate) {
            faults_.met("duplicate in a batch");
        }
        return status;
    }
    if (faults_.chance(faults_.lost_answer)) {
        faults_.met("answer to COMMIT lost");
        epoch_ = 0;
        if (faults_.chance(500)) {
            server_.commit(std::move(next));
        }
        return {failure::unknown, "08006", "the answer to COMMIT is lost"};
    }
    server_.commit(std::move(next));
    faults_.interleave(); // committed, and the client does not know it yet
    return {};
}

result model_store::is_committed(ingest::uuid const& batch_id, bool& out) {
    out = false;
    result status = request();
    if (status.ok()) {
        out = server_.now().batches.contains(batch_id);
    }
    return status;
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

result model_positions::request() {
    faults_.interleave();
    bool const fails = server_.is_down || faults_.chance(faults_.disconnect);
    return fails ? transient("the connection is lost") : result{};
}

result model_positions::load(std::string_view stream, std::uint64_t& position) {
    position = 0;
    result status = request();
    auto const& positions = server_.now().positions;
    if (auto const found = positions.find(std::string{stream});
        status.ok() && found != positions.end()) {
        position = found->second;
    }
    return status;
}

result model_positions::move(storage::position_move const& wanted, storage::position_found& out) {
    result status = request();
    if (!status.ok()) {
        return status;
    }
    auto const& state = server_.now();
    auto const lost = std::ranges::count_if(
        wanted.batches, [&](auto const& id) { return !state.batches.contains(id); });
    auto const row = state.positions.find(std::string{wanted.stream});
    out.found = row == state.positions.end() ? 0 : row->second;
    out.batches_lost = static_cast<std::uint32_t>(lost);
    if (lost > 0 || out.found != wanted.committed || wanted.next <= wanted.committed) {
        return {};
    }

    auto next = state;
    next.positions[std::string{wanted.stream}] = wanted.next;
    std::erase_if(next.decisions[std::string{wanted.stream}],
                  [&](auto const& each) { return each.second.end_record <= wanted.next; });
    out.found = wanted.next;
    bool const answer_lost = faults_.chance(faults_.lost_answer);
    server_.commit(std::move(next));
    return answer_lost ? transient("the answer is lost") : result{};
}

result model_positions::forget(std::string_view stream) {
    result status = request();
    if (status.ok()) {
        auto next = server_.now();
        next.positions.erase(std::string{stream});
        next.decisions.erase(std::string{stream});
        server_.commit(std::move(next));
    }
    return status;
}

result model_positions::keep_decisions(std::string_view stream,
                                       std::span<storage::decided_range const> decided,
                                       storage::chain_link const& link) {
    result status = request();
    if (status.ok() && !link.previous.is_nil() && !server_.now().batches.contains(link.previous)) {
        return {failure::lost, {}, "the decisions before these are not there"};
    }
    if (status.ok()) {
        auto next = server_.now();
        next.batches.insert(link.id);
        for (auto const& each : decided) {
            auto& kept = next.decisions[std::string{stream}];
            auto const [row, is_new] = kept.try_emplace(each.first_record, each);
            if (!is_new && each.end_record > row->second.end_record) {
                row->second = each;
            }
        }
        server_.commit(std::move(next));
        if (faults_.chance(faults_.lost_answer)) {
            return transient("the answer is lost");
        }
        faults_.interleave();
    }
    return status;
}

result model_positions::load_decisions(std::string_view stream, std::uint64_t position,
                                       std::vector<storage::decided_range>& out) {
    out.clear();
    result status = request();
    auto const& decisions = server_.now().decisions;
    if (auto const found = decisions.find(std::string{stream});
        status.ok() && found != decisions.end()) {
        for (auto const& [first, range] : found->second) {
            if (range.end_record > position) {
                out.push_back(range);
            }
        }
    }
    return status;
}

} // namespace tally::simulation
