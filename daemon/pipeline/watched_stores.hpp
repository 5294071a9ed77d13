#pragma once

#include "daemon/pipeline/heartbeat.hpp"
#include "storage/batch/batch_store.hpp"
#include "storage/lane/position_store.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::daemon {

/// Whether a failure says that there is no session, rather than that the database refuses a
/// request: no connection, shutdown, start, no such login or database, a standby, too many
/// connections.
inline bool is_without_session(storage::result const& failed) noexcept {
    bool const may_be =
        failed.reason == storage::failure::transient || failed.reason == storage::failure::unknown;
    return (may_be && failed.sqlstate.empty()) ||
           std::ranges::any_of(
               std::initializer_list<std::string_view>{"08", "57P", "28", "3D", "53300", "25006"},
               [&failed](auto const& prefix) { return failed.sqlstate.starts_with(prefix); });
}

inline storage::result const& status_of(storage::result const& outcome) noexcept {
    return outcome;
}
template <typename T>
storage::result const& status_of(storage::expected<T> const& outcome) noexcept {
    return outcome.status();
}

/// Makes a request. While it is under way its part waits for the database; when the database is
/// there and refuses it time after time, the part stands still.
template <typename Request>
auto watched(heartbeat& pulse, std::string_view name, Request&& request) {
    auto outcome = [&] {
        database_wait const waiting{pulse};
        return request();
    }();
    auto const& status = status_of(outcome);
    if (status.ok()) {
        pulse.answered(name);
    } else if (is_without_session(status)) {
        pulse.get_further();
    } else {
        pulse.refused(name,
                      (status.sqlstate.empty() ? "" : status.sqlstate + ": ") + status.detail);
    }
    return outcome;
}

/// A batch_store whose requests count as waiting for the database, unless it refuses them.
class watched_batch_store final : public storage::batch_store {
  public:
    /// `pulse` must outlive this object.
    watched_batch_store(std::unique_ptr<storage::batch_store> store, heartbeat& pulse)
        : store_{std::move(store)}, pulse_{pulse} {}

    [[nodiscard]] std::uint64_t session() const noexcept override { return store_->session(); }
    storage::result load_usage(std::span<storage::usage_key const> keys,
                               std::vector<storage::usage_state>& out) override {
        return watched(pulse_, "load_usage", [&] { return store_->load_usage(keys, out); });
    }
    storage::result load_metrics(std::span<storage::metric_row const> keys,
                                 std::vector<storage::metric_state>& out) override {
        return watched(pulse_, "load_metrics", [&] { return store_->load_metrics(keys, out); });
    }
    storage::result counted_values(std::span<storage::unique_value_row const> values,
                                   std::vector<storage::unique_value_row>& out) override {
        return watched(pulse_, "counted_values",
                       [&] { return store_->counted_values(values, out); });
    }
    storage::result stored_events(std::span<ingest::uuid const> ids,
                                  std::vector<storage::stored_event>& out) override {
        return watched(pulse_, "stored_events", [&] { return store_->stored_events(ids, out); });
    }
    storage::result stored_calls(std::span<storage::call_key const> keys,
                                 std::vector<storage::stored_call>& out) override {
        return watched(pulse_, "stored_calls", [&] { return store_->stored_calls(keys, out); });
    }
    storage::result still_waiting(std::span<ingest::uuid const> ids,
                                  std::vector<ingest::uuid>& out) override {
        return watched(pulse_, "still_waiting", [&] { return store_->still_waiting(ids, out); });
    }
    storage::result lock_rows(std::span<storage::usage_delta const> usage,
                              std::span<storage::metric_row const> metrics) override {
        return watched(pulse_, "lock_rows", [&] { return store_->lock_rows(usage, metrics); });
    }
    void roll_back() noexcept override {
        database_wait const waiting{pulse_};
        store_->roll_back();
    }
    storage::result write_ahead(storage::batch const& rows) override {
        // A commit() in the usual way follows a failure, and says whether the lane gets further.
        return watched(pulse_, "commit", [&] { return store_->write_ahead(rows); });
    }
    [[nodiscard]] bool has_cdr_days(std::span<std::int32_t const> days) const noexcept override {
        return store_->has_cdr_days(days);
    }
    storage::result commit(storage::batch const& rows, storage::commit_counts& counts) override {
        return watched(pulse_, "commit", [&] { return store_->commit(rows, counts); });
    }
    storage::expected<bool> is_committed(ingest::uuid const& batch_id) override {
        return watched(pulse_, "is_committed", [&] { return store_->is_committed(batch_id); });
    }
    storage::result ensure_cdr_days(std::span<std::int32_t const> days,
                                    std::vector<std::int32_t>& refused) override {
        return watched(pulse_, "ensure_cdr_days",
                       [&] { return store_->ensure_cdr_days(days, refused); });
    }
    storage::result ensure_event_days(std::span<storage::event_day const> days,
                                      std::vector<storage::event_day>& refused) override {
        return watched(pulse_, "ensure_event_days",
                       [&] { return store_->ensure_event_days(days, refused); });
    }
    void cancel() noexcept override { store_->cancel(); }

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

    storage::expected<std::uint64_t> load(std::string_view stream) override {
        return watched(pulse_, "load", [&] { return store_.load(stream); });
    }
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override {
        return watched(pulse_, "move", [&] { return store_.move(wanted, out); });
    }
    storage::result forget(std::string_view stream) override {
        return watched(pulse_, "forget", [&] { return store_.forget(stream); });
    }
    storage::result keep_decisions(std::string_view stream,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& link) override {
        return watched(pulse_, "keep_decisions",
                       [&] { return store_.keep_decisions(stream, decided, link); });
    }
    storage::result load_decisions(std::string_view stream, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override {
        return watched(pulse_, "load_decisions",
                       [&] { return store_.load_decisions(stream, position, out); });
    }

  private:
    storage::position_store& store_;
    heartbeat& pulse_;
};

} // namespace tally::daemon
