#include "tests/simulation/model_server.hpp"

#include <algorithm>
#include <set>

// The calls of the model's transactions: COPY, and the unique index.

namespace tally::simulation {

using storage::failure;
using storage::result;

namespace {

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

storage::call_key key_of(storage::cdr_row const& row) {
    return {row.account_id, ingest::whole_second(row.call->start), row.call->id};
}

} // namespace

std::string content_of(ingest::cdr const& call) {
    std::string text{call.caller_id};
    text.append("|").append(call.destination).append("|").append(call.hangup_cause);
    return text + "|" + std::to_string(call.billsec_ms) + "|" + std::to_string(call.end);
}

/// COPY checks the rows before it adds them to the unique index. `refused`: the index of one.
result model_store::check_rows(std::span<storage::cdr_row const> calls, std::uint32_t& refused) {
    for (std::uint32_t i = 0; i < calls.size(); ++i) {
        if (calls[i].call->hangup_cause == "refused") {
            refused = i;
            return {failure::bad_data, "23514", "violates check constraint"};
        }
    }
    return {};
}

result model_store::copy_calls(std::span<storage::cdr_row const> calls, model_state& next,
                               std::uint32_t& refused) {
    auto status = check_rows(calls, refused);
    if (!status.ok()) {
        return status;
    }
    if (auto const stored = insert_calls(calls, next); stored != calls.size()) {
        refused = static_cast<std::uint32_t>(stored);
        return {failure::duplicate, "23505", "duplicate key"};
    }
    return {};
}

/// The index of the first call whose key is stored already; otherwise their number.
std::size_t model_store::insert_calls(std::span<storage::cdr_row const> calls, model_state& next) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
        auto const& row = calls[i];
        auto const key = key_of(row);
        model_call stored{content_of(*row.call), row.subscription_id, row.rated.cost.nanos,
                          columns_of(row, key)};
        if (!next.calls.try_emplace(key, std::move(stored)).second) {
            return i;
        }
    }
    return calls.size();
}

/// The unique index makes a call wait that another open transaction has written.
result model_store::wait_for_calls(std::span<storage::cdr_row const> calls) {
    bool const is_free =
        std::ranges::all_of(calls, [this](auto const& row) { return wait_for(key_of(row)); });
    return is_free ? result{} : lock_timeout();
}

result model_store::write_ahead(storage::batch const& rows) {
    bool const has_grown = !ahead_.empty();
    auto status = open(rows);
    if (!status.ok()) {
        if (has_grown) {
            faults_.met("session lost while a batch grows");
        }
        return status;
    }
    status = wait_for_calls(rows.calls);

    std::uint32_t refused = 0;
    if (status.ok()) {
        status = check_rows(rows.calls, refused);
    }

    // The unique index has what is committed and what this transaction has written.
    std::set<storage::call_key> keys;
    for (auto const& row : ahead_) {
        keys.insert(key_of(row));
    }
    for (auto const& row : rows.calls) {
        bool const is_new =
            keys.insert(key_of(row)).second && !server_.now().calls.contains(key_of(row));
        if (status.ok() && !is_new) {
            status = {failure::duplicate, "23505", "duplicate key"};
        }
    }
    if (!status.ok()) {
        if (has_grown) {
            faults_.met("later piece refused");
        }
        roll_back();
        return status;
    }

    faults_.met("calls written ahead");
    session_.is_pinned = true;
    for (auto const& row : rows.calls) {
        server_.lock(key_of(row), this);
        ahead_.push_back(row);
    }
    return {};
}

} // namespace tally::simulation
