#pragma once

#include "ingest/formats/formats.hpp"
#include "ingest/record/record_block.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/batch/batch_store.hpp"
#include "storage/lane/lane_writer.hpp"
#include "storage/lane/position_store.hpp"
#include "tests/rating/rater/builders.hpp"
#include "tests/support/call_json.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::daemon::tests {

inline ingest::uuid id_of(std::uint8_t last) {
    ingest::uuid id;
    id.bytes[15] = last;
    return id;
}

/// Accounts ACC-1 to ACC-3 with one subscription each. The number +44207000<owner> belongs to the
/// account `owner`.
inline std::shared_ptr<rating::catalog const> small_catalog(int owner = 1) {
    rating::catalog_input input;
    input.plans = {std::make_shared<rating::tariff const>(rating::tests::plan_of(
        {rating::tests::rate_of("44", {rating::tests::step(0, "1", 60, 60)})}))};
    for (std::uint8_t i = 1; i <= 3; ++i) {
        input.accounts.push_back({{id_of(i)}, "ACC-" + std::to_string(i)});
        rating::subscription contract;
        contract.id = id_of(static_cast<std::uint8_t>(10 + i));
        contract.account = i - 1U;
        contract.plan = 0;
        input.subscriptions.push_back({contract, "SUB-" + std::to_string(i)});
    }
    input.dids = {{"442070001", static_cast<rating::catalog_index>(owner - 1)}};
    return std::make_shared<rating::catalog const>(std::move(input));
}

/// A call by its account's number; `account` 0: by the number that moves.
inline std::string call_json(int number, int account, std::string const& destination = "4420") {
    tally::tests::call_json call{"call-" + std::to_string(number)};
    call.with("destination", destination);
    account == 0 ? call.without("account_number").with("caller_id", "+442070001")
                 : call.account(account);
    return call.line();
}

inline std::shared_ptr<ingest::source const> source_of(std::uint8_t id) {
    auto made = std::make_shared<ingest::source>();
    made->id = id_of(id);
    return made;
}

inline std::unique_ptr<ingest::record_block>
block_of(std::string const& text, std::uint64_t begin = 0, std::uint8_t sender = 1) {
    auto block = std::make_unique<ingest::record_block>();
    block->sender = source_of(sender);
    block->in_format = ingest::find_format("canonical");
    block->batch.set_body(text);
    block->in_format->decode({*block->sender, {}, {}}, block->batch);
    block->stream_begin = begin;
    block->stream_end = begin + block->batch.received();
    return block;
}

/// A database for a lane: a batch with a call to 44666 is bad data, of which `names_rows` says
/// which.
class memory_batches final : public storage::batch_store {
  public:
    struct state {
        std::set<storage::call_key> calls;
        std::size_t suspended = 0;
        std::map<ingest::record_error, std::size_t> suspended_by_reason;
        std::size_t pieces = 0; ///< written ahead of a commit
        std::size_t batches = 0;
        std::size_t refused = 0;
        bool names_rows = false;
        bool is_away = false;
        bool refuses_late = false;      ///< what is written ahead is refused by commit()
        bool knows_days = true;         ///< partitions are there
        bool has_lost = false;          ///< the batches that later ones rest on
        std::vector<std::string> order; ///< the calls as they were stored
        int outages = 0;                ///< so many commits fail before one is made
    };
    explicit memory_batches(std::shared_ptr<state> shared) : state_{std::move(shared)} {}

    [[nodiscard]] std::uint64_t session() const noexcept override { return 1; }
    storage::result load_usage(std::span<storage::usage_key const> keys,
                               std::vector<storage::usage_state>& out) override {
        out.assign(keys.size(), {});
        return {};
    }
    storage::result load_metrics(std::span<storage::metric_row const> keys,
                                 std::vector<storage::metric_state>& out) override {
        out.assign(keys.size(), {});
        return {};
    }
    storage::result counted_values(std::span<storage::unique_value_row const> /*values*/,
                                   std::vector<storage::unique_value_row>& out) override {
        out.clear();
        return {};
    }
    storage::result stored_events(std::span<ingest::uuid const> /*ids*/,
                                  std::vector<storage::stored_event>& out) override {
        out.clear();
        return {};
    }
    storage::result stored_calls(std::span<storage::call_key const> /*keys*/,
                                 std::vector<storage::stored_call>& out) override {
        out.clear();
        return {};
    }
    storage::result still_waiting(std::span<ingest::uuid const> ids,
                                  std::vector<ingest::uuid>& out) override {
        out.assign(ids.begin(), ids.end());
        return {};
    }
    storage::result lock_rows(std::span<storage::usage_delta const> /*usage*/,
                              std::span<storage::metric_row const> /*metrics*/) override {
        return {};
    }
    void roll_back() noexcept override { ahead_.clear(); }
    storage::result write_ahead(storage::batch const& rows) override {
        auto status = state_->refuses_late ? storage::result{} : check(rows.calls);
        if (status.ok()) {
            ahead_.insert(ahead_.end(), rows.calls.begin(), rows.calls.end());
            ++state_->pieces;
        } else {
            ahead_.clear();
        }
        return status;
    }
    [[nodiscard]] bool
    has_cdr_days(std::span<std::int32_t const> /*days*/) const noexcept override {
        return state_->knows_days;
    }
    storage::result commit(storage::batch const& rows, storage::commit_counts& counts) override {
        auto calls = std::exchange(ahead_, {});
        if (state_->has_lost && !rows.required.empty()) {
            return {storage::failure::lost, "", "a batch is not there"};
        }
        if (auto status = check(calls); !status.ok()) {
            return status;
        }
        std::uint32_t refused = storage::commit_counts::no_row;
        if (auto status = check(rows.calls, &refused); !status.ok()) {
            counts.refused_call = state_->names_rows ? refused : storage::commit_counts::no_row;
            return status;
        }
        calls.insert(calls.end(), rows.calls.begin(), rows.calls.end());
        for (auto const& row : calls) {
            state_->calls.insert({row.account_id, row.call->start, row.call->id});
            state_->order.push_back(ingest::to_string(row.call->id));
        }
        state_->suspended += rows.suspense.size();
        for (auto const& row : rows.suspense) {
            ++state_->suspended_by_reason[row.reason];
        }
        ++state_->batches;
        return {};
    }
    storage::expected<bool> is_committed(ingest::uuid const& /*batch*/) override { return false; }
    storage::result ensure_cdr_days(std::span<std::int32_t const> /*days*/,
                                    std::vector<std::int32_t>& refused) override {
        refused.clear();
        return {};
    }
    storage::result ensure_event_days(std::span<storage::event_day const> /*days*/,
                                      std::vector<storage::event_day>& refused) override {
        refused.clear();
        return {};
    }
    void cancel() noexcept override {}

  private:
    /// `refused`: the index of the call that is bad data.
    storage::result check(std::span<storage::cdr_row const> calls,
                          std::uint32_t* refused = nullptr) {
        bool const is_out = state_->outages > 0;
        state_->outages -= is_out ? 1 : 0;
        if (state_->is_away || is_out) {
            return {storage::failure::transient, "08006", "away"};
        }
        auto const bad = std::ranges::find_if(
            calls, [](auto const& row) { return row.call->destination == "44666"; });
        if (bad == calls.end()) {
            return {};
        }
        ++state_->refused;
        if (refused != nullptr) {
            *refused = static_cast<std::uint32_t>(bad - calls.begin());
        }
        return {storage::failure::bad_data, "23514", "no 44666"};
    }

    std::vector<storage::cdr_row> ahead_; ///< of the open transaction
    std::shared_ptr<state> state_;
};

/// Of a lane about which a test does not ask.
class silent_observer final : public storage::lane_observer {
  public:
    void stored(storage::stored_batch const&) override {}
    void retried(std::string_view, storage::result const&) override {}
};

/// Positions and decisions, as ingest.positions and ingest.payer_decisions keep them.
class memory_positions final : public storage::position_store {
  public:
    std::map<std::string, std::uint64_t, std::less<>> positions;
    std::map<std::uint64_t, storage::decided_range> decisions; ///< of any stream
    std::set<ingest::uuid> batches_lost;
    bool is_away = false;
    std::string sqlstate = "08006"; ///< of the failures
    bool loses_answers = false;     ///< what is kept stays, and the caller gets a failure
    int moves = 0;

    storage::expected<std::uint64_t> load(std::string_view stream) override {
        if (is_away) {
            return failed();
        }
        auto const found = positions.find(stream);
        return found == positions.end() ? 0 : found->second;
    }
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override {
        if (is_away) {
            return answer();
        }
        ++moves;
        auto const found = positions.find(wanted.stream);
        out.found = found == positions.end() ? 0 : found->second;
        out.batches_lost = static_cast<std::uint32_t>(std::ranges::count_if(
            wanted.batches, [this](auto const& id) { return batches_lost.contains(id); }));
        if (out.batches_lost == 0 && out.found == wanted.committed &&
            wanted.next > wanted.committed) {
            positions[std::string{wanted.stream}] = out.found = wanted.next;
            std::erase_if(decisions, [&wanted](auto const& each) {
                return each.second.end_record <= wanted.next;
            });
        }
        return {};
    }
    storage::expected<bool> has_ends(std::span<storage::stream_end const> ends) override {
        if (is_away) {
            return failed();
        }
        return std::ranges::all_of(ends, [this](auto const& end) {
            auto const found = positions.find(end.stream);
            return (found == positions.end() ? 0 : found->second) >= end.position;
        });
    }
    storage::result forget(std::string_view stream) override {
        positions.erase(std::string{stream});
        return answer();
    }
    storage::result keep_decisions(std::string_view /*stream*/,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& /*link*/) override {
        for (auto const& each : decided) {
            auto const [known, is_new] = decisions.try_emplace(each.first_record, each);
            if (!is_away && !is_new && each.end_record > known->second.end_record) {
                known->second = each;
            }
            if (is_away && is_new) {
                decisions.erase(known);
            }
        }
        return loses_answers ? failed() : answer();
    }
    storage::result load_decisions(std::string_view /*stream*/, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override {
        out.clear();
        for (auto const& [first, each] : decisions) {
            if (each.end_record > position) {
                out.push_back(each);
            }
        }
        return answer();
    }

  private:
    [[nodiscard]] storage::result failed() const {
        return {storage::failure::transient, sqlstate, "away"};
    }
    [[nodiscard]] storage::result answer() const { return is_away ? failed() : storage::result{}; }
};

} // namespace tally::daemon::tests
