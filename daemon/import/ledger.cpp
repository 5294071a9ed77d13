#include "daemon/import/ledger.hpp"

#include "storage/batch/event_tables.hpp"

namespace tally::daemon {

/// Called by every lane's thread.
void import_ledger::stored(storage::stored_batch const& stored) {
    // Sum up without the lock, so that it is held only for a moment.
    std::map<storage::currency_code, rating::amount_sum> cost;
    std::map<ingest::record_error, std::uint64_t> suspended;
    for (auto const& usage : stored.rows.usage) { // calls written ahead are gone (R10)
        cost[usage.currency] += usage.total_cost;
    }
    for (auto const& entry : stored.entries) {
        if (entry.state == storage::entry_state::suspended) {
            ++suspended[entry.reason];
        }
    }

    bool const has_effects = storage::has_effects(stored.rows);

    std::lock_guard const lock{mutex_};
    totals_.has_effects = totals_.has_effects || has_effects;
    for (auto const& [currency, sum] : cost) {
        totals_.cost_by_currency[std::string(currency.begin(), currency.end())] += sum;
    }
    for (auto const& [reason, count] : suspended) {
        totals_.suspended_by_reason[reason] += count;
    }

    // A batch was stored, so the database is there again.
    totals_.warning.clear();
}

void import_ledger::retried(std::string_view reason, storage::result const& status) {
    // Duplicates and stale usage rows are normal; a database that refuses or fails is shown.
    bool const is_lost = status.reason == storage::failure::lost;
    if (is_lost || reason == "transient" || reason == "permanent") {
        std::lock_guard const lock{mutex_};
        totals_.warning = status.detail;
    }
    if (is_lost) {
        has_lost_ = true;
    }
}

/// A copy, since lanes go on adding.
import_ledger::totals import_ledger::read() const {
    std::lock_guard const lock{mutex_};
    return totals_;
}

} // namespace tally::daemon
