#pragma once

#include "daemon/threads/heartbeat.hpp"
#include "storage/batch/batch_store.hpp"
#include "storage/lane/position_store.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::daemon {

inline storage::result const& status_of(storage::result const& outcome) noexcept {
    return outcome;
}
template <typename T>
storage::result const& status_of(storage::expected<T> const& outcome) noexcept {
    return outcome.status();
}

/// Reports to `pulse` how a request ended.
void report(heartbeat& pulse, std::string_view request, storage::result const& status);

/// Makes a request. While it is under way its part waits for the database; when the database is
/// there and refuses it time after time, the part stands still.
template <typename Request>
auto watched(heartbeat& pulse, std::string_view name, Request&& request) {
    auto outcome = [&] {
        answer_wait const waiting{pulse};
        return request();
    }();
    report(pulse, name, status_of(outcome));
    return outcome;
}

/// A batch_store whose requests count as waiting for the database, unless it refuses them or does
/// not answer for answer_max.
class watched_batch_store final : public storage::batch_store {
  public:
    /// `pulse` must outlive this object.
    watched_batch_store(std::unique_ptr<storage::batch_store> store, heartbeat& pulse)
        : store_{std::move(store)}, pulse_{pulse} {}

    [[nodiscard]] std::uint64_t session() const noexcept override;
    storage::result load_usage(std::span<storage::usage_key const> keys,
                               std::vector<storage::usage_state>& out) override;
    storage::result load_metrics(std::span<storage::metric_row const> keys,
                                 std::vector<storage::metric_state>& out) override;
    storage::result counted_values(std::span<storage::unique_value_row const> values,
                                   std::vector<storage::unique_value_row>& out) override;
    storage::result stored_events(std::span<ingest::uuid const> ids,
                                  std::vector<storage::stored_event>& out) override;
    storage::result stored_calls(std::span<storage::call_key const> keys,
                                 std::vector<storage::stored_call>& out) override;
    storage::result still_waiting(std::span<ingest::uuid const> ids,
                                  std::vector<ingest::uuid>& out) override;
    storage::result lock_rows(std::span<storage::usage_delta const> usage,
                              std::span<storage::metric_row const> metrics) override;
    void roll_back() noexcept override;
    storage::result write_ahead(storage::batch const& rows) override;
    [[nodiscard]] bool has_cdr_days(std::span<std::int32_t const> days) const noexcept override;
    storage::result commit(storage::batch const& rows, storage::commit_counts& counts) override;
    storage::expected<bool> is_committed(ingest::uuid const& batch_id) override;
    storage::result ensure_cdr_days(std::span<std::int32_t const> days,
                                    std::vector<std::int32_t>& refused) override;
    storage::result ensure_event_days(std::span<storage::event_day const> days,
                                      std::vector<storage::event_day>& refused) override;
    void cancel() noexcept override;

  private:
    std::unique_ptr<storage::batch_store> store_;
    heartbeat& pulse_;
};

/// The same for a position_store.
class watched_position_store final : public storage::position_store {
  public:
    /// Both must outlive this object.
    watched_position_store(storage::position_store& store, heartbeat& pulse)
        : store_{store}, pulse_{pulse} {}

    storage::expected<std::uint64_t> load(std::string_view stream) override;
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override;
    storage::expected<bool> has_ends(std::span<storage::stream_end const> ends) override;
    storage::result forget(std::string_view stream) override;
    storage::result keep_decisions(std::string_view stream,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& link) override;
    storage::result load_decisions(std::string_view stream, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override;

  private:
    storage::position_store& store_;
    heartbeat& pulse_;
};

} // namespace tally::daemon
