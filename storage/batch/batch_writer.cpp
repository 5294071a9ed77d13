#include "storage/batch/batch_writer.hpp"

#include "ingest/base/time.hpp"
#include "storage/batch/batch_statements.hpp"
#include "storage/batch/batch_transaction.hpp"
#include "storage/batch/event_statements.hpp"
#include "storage/batch/stored_calls.hpp"
#include "storage/batch/stored_events.hpp"
#include "storage/partitions/partitions.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

struct batch_writer::impl {
    impl(std::string connection_string, std::string purpose, partition_policy policy)
        : transaction{std::move(connection_string), std::move(purpose), policy} {}

    void forget_other_partitions() noexcept;

    batch_transaction transaction;
    pq_connection& connection = transaction.connection;
    std::uint64_t partitions_session = 0; ///< in which the partitions were there
    resolved_rows waiting;
    usage_keys keys;
    parameters values;
    pipeline_outcome outcome;
};

batch_writer::batch_writer(std::string connection_string, std::string purpose,
                           partition_policy policy)
    : impl_(std::make_unique<impl>(std::move(connection_string), std::move(purpose), policy)) {}

batch_writer::~batch_writer() = default;

std::uint64_t batch_writer::session() const noexcept {
    return impl_->connection.generation();
}

result batch_writer::lock_rows(std::span<usage_delta const> usage,
                               std::span<metric_row const> metrics) {
    return impl_->transaction.lock_rows(usage, metrics);
}

void batch_writer::roll_back() noexcept {
    impl_->transaction.roll_back();
}

result batch_writer::write_ahead(batch const& rows) {
    return impl_->transaction.write_ahead(rows);
}

result batch_writer::commit(batch const& rows, commit_counts& counts) {
    return impl_->transaction.commit(rows, counts);
}

result batch_writer::load_usage(std::span<usage_key const> keys, std::vector<usage_state>& out) {
    out.assign(keys.size(), {});
    if (keys.empty()) {
        return {};
    }
    pq_rows rows;
    result status = impl_->connection.run(statement::load_usage, impl_->keys.fill(keys), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        auto const index = static_cast<std::size_t>(int64_at(rows, i, 0)) - 1;
        if (index < out.size()) {
            out[index] = {int64_at(rows, i, 1), int64_at(rows, i, 2)};
        }
    }
    return status;
}

result batch_writer::stored_calls(std::span<call_key const> keys, std::vector<stored_call>& out) {
    return find_stored_calls(impl_->connection, keys, out);
}

result batch_writer::load_metrics(std::span<metric_row const> keys,
                                  std::vector<metric_state>& out) {
    return find_metrics(impl_->connection, keys, out);
}

result batch_writer::counted_values(std::span<unique_value_row const> values,
                                    std::vector<unique_value_row>& out) {
    return find_counted_values(impl_->connection, values, out);
}

result batch_writer::stored_events(std::span<ingest::uuid const> ids,
                                   std::vector<stored_event>& out) {
    return find_stored_events(impl_->connection, ids, out);
}

result batch_writer::still_waiting(std::span<ingest::uuid const> ids,
                                   std::vector<ingest::uuid>& out) {
    out.clear();
    pq_rows rows;
    result status = impl_->connection.run(statement::still_waiting, impl_->waiting.fill(ids), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        out.push_back(uuid_at(rows, i, 0));
    }
    return status;
}

expected<bool> batch_writer::is_committed(ingest::uuid const& batch_id) {
    auto& connection = impl_->connection;

    // The claim waits for the batch's own transaction, which may still commit although its client
    // is gone. At READ COMMITTED each statement has its own snapshot, so the query that follows the
    // claim sees the row of a transaction that has committed in the meantime.
    auto& values = impl_->values;
    values.clear();
    parameters id;
    id.add(batch_id);
    std::array const asked{pipelined{statement::begin, nullptr},
                           pipelined{statement::claim, &values.add_int64(claim_of(batch_id))},
                           pipelined{statement::is_committed, &id},
                           pipelined{statement::commit, nullptr}};
    connection.run_pipeline(asked, impl_->outcome);
    if (!impl_->outcome.status.ok()) {
        impl_->transaction.roll_back();
        return impl_->outcome.status;
    }
    return row_count(impl_->outcome.rows[2]) > 0;
}

/// The server of a new session may be a promoted standby, which lacks the latest partitions.
void batch_writer::impl::forget_other_partitions() noexcept {
    // The first request of all opens the first session, in which everything is then learned.
    auto const session = std::max<std::uint64_t>(connection.generation(), 1);
    if (session != partitions_session) {
        transaction.partitions.forget();
        transaction.partitions_of_events.forget();
        partitions_session = session;
    }
}

result batch_writer::ensure_cdr_days(std::span<std::int32_t const> days,
                                     std::vector<std::int32_t>& refused) {
    impl_->forget_other_partitions();
    return impl_->transaction.partitions.ensure(impl_->connection, days, day_of(ingest::now_us()),
                                                refused);
}

bool batch_writer::has_cdr_days(std::span<std::int32_t const> days) const noexcept {
    return impl_->partitions_session == impl_->connection.generation() &&
           impl_->transaction.partitions.knows(days);
}

result batch_writer::ensure_event_days(std::span<event_day const> days,
                                       std::vector<event_day>& refused) {
    impl_->forget_other_partitions();
    return impl_->transaction.partitions_of_events.ensure(impl_->connection, days,
                                                          day_of(ingest::now_us()), refused);
}

void batch_writer::cancel() noexcept {
    impl_->connection.cancel();
}

} // namespace tally::storage
