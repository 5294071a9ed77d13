#include "daemon/import/dry_run.hpp"

#include "storage/lane/guided_records.hpp"
#include "storage/postgres/database_error.hpp"

namespace tally::daemon {

using storage::batch_entry;
using storage::entry_state;

namespace {

ingest::block_outcome outcome_of(std::span<batch_entry const> entries) noexcept {
    ingest::block_outcome outcome{.durable = true};
    for (auto const& entry : entries) {
        outcome.committed += entry.state == entry_state::live ? 1 : 0;
        outcome.duplicate += entry.state == entry_state::duplicate ? 1 : 0;
        outcome.suspended += entry.state == entry_state::suspended ? 1 : 0;
    }
    return outcome;
}

} // namespace

import_dry_run::import_dry_run(std::unique_ptr<storage::batch_store> reader,
                               std::shared_ptr<rating::catalog const> catalog,
                               std::shared_ptr<ingest::source_table const> sources,
                               storage::lane_observer& observer)
    : reader_{std::move(reader)}, duplicates_{*reader_}, catalog_{std::move(catalog)},
      sources_{std::move(sources)}, observer_{observer} {}

import_dry_run::~import_dry_run() = default;

/// No credit: a block is gone when push() returns.
ingest::push_status import_dry_run::admit(std::size_t /*bytes*/) noexcept {
    return ingest::push_status::pushed;
}

void import_dry_run::release(std::size_t /*bytes*/) noexcept {}

ingest::push_status import_dry_run::push(std::unique_ptr<ingest::record_block>& block) {
    // Everything on the calling thread and in the order of the file: nothing is written, so nothing
    // is waited for.
    storage::guided_records const records{*block, *catalog_};
    entries_.clear();
    for (std::uint32_t index = 0; index < records.size(); ++index) {
        entries_.push_back(records.entry(index));
    }

    // As a lane would: duplicates first, since they draw no allowance, then the cost.
    drop_duplicates();
    rate();

    // Reported as if it were stored, so that the summary has costs and reasons.
    observer_.stored({rated_, entries_, {}});
    if (block->on_done) {
        block->on_done(outcome_of(entries_));
    }
    block.reset();
    return ingest::push_status::pushed;
}

std::shared_ptr<ingest::source_table const> import_dry_run::sources() const {
    return sources_;
}

void import_dry_run::drop_duplicates() {
    // First within the import, then against the database: a real import would have stored the
    // first.
    for (auto& entry : entries_) {
        if (entry.state == entry_state::live && !met_.insert(storage::key_hash_of(entry)).second) {
            entry.state = entry_state::duplicate;
        }
    }
    check(duplicates_.drop_stored(entries_, true));
}

void import_dry_run::rate() {
    rows_.begin(entries_);
    check(rows_.load(*reader_));

    rated_.clear();
    rows_.rate(rated_);
    rows_.written(); // the next block is rated on what this one left of the allowances
}

} // namespace tally::daemon
