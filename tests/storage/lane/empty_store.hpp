#pragma once

#include "storage/batch/batch_store.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tally::tests {

/// A database in which nothing is stored, as the base of tests that need one or two of its answers.
class empty_store : public storage::batch_store {
  public:
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
    void roll_back() noexcept override {}
    storage::result write_ahead(storage::batch const& /*rows*/) override { return {}; }
    [[nodiscard]] bool
    has_cdr_days(std::span<std::int32_t const> /*days*/) const noexcept override {
        return true;
    }
    storage::result commit(storage::batch const& /*rows*/,
                           storage::commit_counts& /*counts*/) override {
        return {};
    }
    storage::expected<bool> is_committed(ingest::uuid const& /*batch_id*/) override {
        return false;
    }
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
};

} // namespace tally::tests
