#include "storage/batch/batch_statements.hpp"

#include "storage/postgres/array_binding.hpp"

#include <algorithm>
#include <tuple>

namespace tally::storage {

namespace {

/// Payload bytes of one suspense statement. A parameter may have 1 GB, but the server needs a
/// multiple of it in memory.
constexpr std::size_t suspense_bytes_max = 16 * 1024 * 1024;

std::string_view text_of(currency_code const& code) noexcept {
    return {code.data(), code.size()};
}

/// The counts of ingest.batches are integer columns; a batch is bounded far below their range.
std::int32_t as_count(std::size_t n) noexcept {
    return static_cast<std::int32_t>(std::min<std::size_t>(n, INT32_MAX));
}

auto key_of_usage(usage_delta const& d) noexcept {
    return std::tie(d.subscription_id, d.period_start);
}

} // namespace

parameters& usage_rows::fill(std::span<usage_delta const> rows) {
    // Key order is the order of locks (R13). A known row is updated and a new one inserted, by two
    // statements, the existing rows first (S1).
    sort_indices(rows, order_, key_of_usage);
    std::erase_if(order_, [&](std::uint32_t index) {
        return (rows[index].expected_version == 0) != (part_ == part::missing);
    });

    // What both statements need, in this order; then the version, or the rest of a new row.
    clear_all(subscription_, account_, period_start_, period_end_, seconds_, included_, calls_,
              overage_cost_, total_cost_, currency_, last_usage_, expected_, sms_, data_mb_);
    for (std::uint32_t const index : order_) {
        auto const& d = rows[index];
        subscription_.add(d.subscription_id);
        period_start_.add_time(d.period_start);
        seconds_.add_int64(d.seconds);
        included_.add_int64(d.included_seconds);
        calls_.add_int64(d.calls);
        overage_cost_.add_numeric(d.overage_cost.nanos);
        total_cost_.add_numeric(d.total_cost.nanos);
        last_usage_.add_time(d.last_usage);
        sms_.add_numeric(d.sms_nanos);
        data_mb_.add_numeric(d.data_mb_nanos);

        // The version that is compared, or what only a new row has.
        if (part_ == part::existing) {
            expected_.add_int64(d.expected_version);
        } else {
            account_.add(d.account_id);
            period_end_.add_time(d.period_end);
            currency_.add_bytes(text_of(d.currency));
        }
    }

    // In the order of the statements' parameters.
    if (part_ == part::existing) {
        return bind(values_, subscription_, period_start_, seconds_, included_, calls_,
                    overage_cost_, total_cost_, last_usage_, sms_, data_mb_, expected_);
    }
    return bind(values_, subscription_, period_start_, seconds_, included_, calls_, overage_cost_,
                total_cost_, last_usage_, sms_, data_mb_, account_, period_end_, currency_);
}

void usage_locks::fill(std::span<usage_delta const> rows) {
    sort_indices(rows, order_, key_of_usage);

    clear_all(subscription_, account_, period_start_, period_end_, currency_);
    for (std::uint32_t const index : order_) {
        auto const& d = rows[index];
        subscription_.add(d.subscription_id);
        account_.add(d.account_id);
        period_start_.add_time(d.period_start);
        period_end_.add_time(d.period_end);
        currency_.add_bytes(text_of(d.currency));
    }

    // Existing rows are found by key alone; what is missing is created from all columns.
    bind(keys_, subscription_, period_start_);
    bind(rows_, subscription_, period_start_, account_, period_end_, currency_);
}

parameters& balance_rows::fill(std::span<balance_delta const> rows) {
    // Many batches charge the same accounts at the same time: without one order they deadlock
    // (R13).
    sort_indices(rows, order_, [](balance_delta const& d) { return std::tie(d.account_id); });
    clear_all(account_, charge_);
    for (std::uint32_t const index : order_) {
        account_.add(rows[index].account_id);
        charge_.add_numeric(rows[index].charge.nanos);
    }
    return bind(values_, account_, charge_);
}

parameters& daily_rows::fill(std::span<daily_delta const> rows) {
    // In the order of the primary key (R13).
    sort_indices(rows, order_, [](daily_delta const& d) {
        return std::tie(d.account_id, d.subscription_id, d.day, d.metric);
    });

    // The key, then the sums.
    clear_all(account_, subscription_, day_, metric_, events_, quantity_, billable_, cost_,
              currency_);
    for (std::uint32_t const index : order_) {
        auto const& d = rows[index];
        account_.add(d.account_id);
        subscription_.add(d.subscription_id);
        day_.add_date(d.day);
        metric_.add_bytes(d.metric);
        events_.add_int64(d.events);
        quantity_.add_numeric(d.quantity_nanos);
        billable_.add_numeric(d.billable_nanos);
        cost_.add_numeric(d.cost.nanos);
        currency_.add_bytes(text_of(d.currency));
    }
    return bind(values_, account_, subscription_, day_, metric_, events_, quantity_, billable_,
                cost_, currency_);
}

parameters& suspense_rows::fill(std::span<suspense_row const> all,
                                std::span<payload_key const> some, batch const& rows) {
    // In the order of `some`, which is that of the keys (payload_digest::keys).
    clear_all(reason_, detail_, source_, format_, payload_, digest_, received_);
    for (auto const& key : some) {
        auto const& row = all[key.index];

        reason_.add_bytes(ingest::code(row.reason));
        if (row.detail.empty()) {
            detail_.add_null();
        } else {
            detail_.add_bytes(row.detail);
        }

        source_.add(row.source_id);
        format_.add_bytes(row.format);
        payload_.add_bytes(row.payload);
        digest_.add_bytes({reinterpret_cast<char const*>(key.digest.data()), key.digest.size()});
        received_.add_time(row.received);
    }
    return bind(values_, reason_, detail_, source_, format_, payload_, digest_, received_)
        .add(rows.id);
}

void suspense_statements::add(batch const& rows, std::vector<pipelined>& statements) {
    // Sorted by key, so that all sessions lock suspense rows in one order (R13).
    digests_.keys(rows.suspense, payloads_);

    // One statement for at most suspense_bytes_max, or for one payload that is larger.
    std::size_t used = 0;
    for (std::size_t first = 0; first < payloads_.size();) {
        std::size_t end = first;
        std::size_t bytes = 0;
        do {
            bytes += rows.suspense[payloads_[end].index].payload.size();
            ++end;
        } while (end < payloads_.size() && bytes < suspense_bytes_max);
        if (used == arrays_.size()) {
            arrays_.push_back(std::make_unique<suspense_rows>());
        }

        std::span<payload_key const> const some{payloads_};
        statements.push_back(
            {statement::suspense,
             &arrays_[used++]->fill(rows.suspense, some.subspan(first, end - first), rows)});
        first = end;
    }
}

parameters& resolved_rows::fill(std::span<ingest::uuid const> ids) {
    id_.clear();
    // By id, as other commands change these rows (R13).
    std::vector<ingest::uuid> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    for (auto const& id : sorted) {
        id_.add(id);
    }
    return bind(values_, id_);
}

parameters& usage_keys::fill(std::span<usage_key const> keys) {
    clear_all(subscription_, period_start_);
    for (auto const& key : keys) {
        subscription_.add(key.subscription_id);
        period_start_.add_time(key.period_start);
    }
    return bind(values_, subscription_, period_start_);
}

void fill_batch_row(parameters& values, batch const& rows, std::uint32_t suspended) {
    // The sum of a batch may exceed a single amount's range, so it has 128 bits.
    stored_sums sums = rows.written_ahead;
    sums.add(rows.calls);
    sums.add(rows.events);

    // A payload that already waits counts as a duplicate, so that
    // received = committed + duplicate + suspended.
    std::size_t const stored = sums.calls + sums.events;
    std::size_t const known = rows.suspense.size() - suspended;

    // In the order of batch_row_sql's parameters.
    values.clear();
    values.add(rows.id).add(rows.daemon_id).add_int32(rows.lane).add_optional(rows.import_id);
    values.add_int32(as_count(stored + rows.duplicates + rows.suspense.size()));
    values.add_int32(as_count(stored));
    values.add_int32(as_count(rows.duplicates + known));
    values.add_int32(as_count(suspended));
    values.add_int64(static_cast<std::int64_t>(rows.bytes)).add_numeric(sums.cost.nanos);
    if (stored == 0) {
        values.add_null().add_null();
    } else {
        values.add_time(sums.first).add_time(sums.last);
    }
    values.add_time(rows.opened);
}

std::int64_t claim_of(ingest::uuid const& batch_id) noexcept {
    // The second half of a version 7 uuid: variant and random bits.
    return wire::get_int64(reinterpret_cast<char const*>(batch_id.bytes.data()) + 8);
}

} // namespace tally::storage
