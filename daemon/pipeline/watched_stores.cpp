#include "daemon/pipeline/watched_stores.hpp"

#include "storage/postgres/failure_class.hpp"

#include <string>

namespace tally::daemon {

void report(heartbeat& pulse, std::string_view request, storage::result const& status) {
    if (status.ok()) {
        pulse.answered(request);
    } else if (storage::is_without_session(status)) {
        pulse.get_further();
    } else {
        pulse.refused(request,
                      (status.sqlstate.empty() ? "" : status.sqlstate + ": ") + status.detail);
    }
}

std::uint64_t watched_batch_store::session() const noexcept {
    return store_->session();
}

storage::result watched_batch_store::load_usage(std::span<storage::usage_key const> keys,
                                                std::vector<storage::usage_state>& out) {
    return watched(pulse_, "load_usage", [&] { return store_->load_usage(keys, out); });
}

storage::result watched_batch_store::load_metrics(std::span<storage::metric_row const> keys,
                                                  std::vector<storage::metric_state>& out) {
    return watched(pulse_, "load_metrics", [&] { return store_->load_metrics(keys, out); });
}

storage::result
watched_batch_store::counted_values(std::span<storage::unique_value_row const> values,
                                    std::vector<storage::unique_value_row>& out) {
    return watched(pulse_, "counted_values", [&] { return store_->counted_values(values, out); });
}

storage::result watched_batch_store::stored_events(std::span<ingest::uuid const> ids,
                                                   std::vector<storage::stored_event>& out) {
    return watched(pulse_, "stored_events", [&] { return store_->stored_events(ids, out); });
}

storage::result watched_batch_store::stored_calls(std::span<storage::call_key const> keys,
                                                  std::vector<storage::stored_call>& out) {
    return watched(pulse_, "stored_calls", [&] { return store_->stored_calls(keys, out); });
}

storage::result watched_batch_store::still_waiting(std::span<ingest::uuid const> ids,
                                                   std::vector<ingest::uuid>& out) {
    return watched(pulse_, "still_waiting", [&] { return store_->still_waiting(ids, out); });
}

storage::result watched_batch_store::lock_rows(std::span<storage::usage_delta const> usage,
                                               std::span<storage::metric_row const> metrics) {
    return watched(pulse_, "lock_rows", [&] { return store_->lock_rows(usage, metrics); });
}

void watched_batch_store::roll_back() noexcept {
    answer_wait const waiting{pulse_};
    store_->roll_back();
}

storage::result watched_batch_store::write_ahead(storage::batch const& rows) {
    // A commit() in the usual way follows a failure, and says whether the lane gets further.
    return watched(pulse_, "commit", [&] { return store_->write_ahead(rows); });
}

bool watched_batch_store::has_cdr_days(std::span<std::int32_t const> days) const noexcept {
    return store_->has_cdr_days(days);
}

storage::result watched_batch_store::commit(storage::batch const& rows,
                                            storage::commit_counts& counts) {
    return watched(pulse_, "commit", [&] { return store_->commit(rows, counts); });
}

storage::expected<bool> watched_batch_store::is_committed(ingest::uuid const& batch_id) {
    return watched(pulse_, "is_committed", [&] { return store_->is_committed(batch_id); });
}

storage::result watched_batch_store::ensure_cdr_days(std::span<std::int32_t const> days,
                                                     std::vector<std::int32_t>& refused) {
    return watched(pulse_, "ensure_cdr_days",
                   [&] { return store_->ensure_cdr_days(days, refused); });
}

storage::result watched_batch_store::ensure_event_days(std::span<storage::event_day const> days,
                                                       std::vector<storage::event_day>& refused) {
    return watched(pulse_, "ensure_event_days",
                   [&] { return store_->ensure_event_days(days, refused); });
}

void watched_batch_store::cancel() noexcept {
    store_->cancel();
}

storage::expected<std::uint64_t> watched_position_store::load(std::string_view stream) {
    return watched(pulse_, "load", [&] { return store_.load(stream); });
}

storage::result watched_position_store::move(storage::position_move const& wanted,
                                             storage::position_found& out) {
    return watched(pulse_, "move", [&] { return store_.move(wanted, out); });
}

storage::expected<bool>
watched_position_store::has_ends(std::span<storage::stream_end const> ends) {
    return watched(pulse_, "has_ends", [&] { return store_.has_ends(ends); });
}

storage::result watched_position_store::forget(std::string_view stream) {
    // A row that stays does no harm, so a refusal is no reason to stand still.
    answer_wait const waiting{pulse_};
    return store_.forget(stream);
}

storage::result
watched_position_store::keep_decisions(std::string_view stream,
                                       std::span<storage::decided_range const> decided,
                                       storage::chain_link const& link) {
    return watched(pulse_, "keep_decisions",
                   [&] { return store_.keep_decisions(stream, decided, link); });
}

storage::result watched_position_store::load_decisions(std::string_view stream,
                                                       std::uint64_t position,
                                                       std::vector<storage::decided_range>& out) {
    return watched(pulse_, "load_decisions",
                   [&] { return store_.load_decisions(stream, position, out); });
}

} // namespace tally::daemon
