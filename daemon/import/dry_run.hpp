#pragma once

#include "ingest/record/record_sink.hpp"
#include "storage/batch/batch_store.hpp"
#include "storage/lane/duplicate_filter.hpp"
#include "storage/lane/entry_batch.hpp"
#include "storage/lane/lane_writer.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <memory>

namespace tally::daemon {

/// A sink that guides and rates but writes nothing: `committed` counts what would be stored. Reads
/// allowances and stored calls from the database, so that its costs are those of a real import.
///
/// All work is done inside push(), on the importing thread.
class import_dry_run final : public ingest::record_sink {
  public:
    /// Each block is reported to `observer` like a stored batch.
    import_dry_run(std::unique_ptr<storage::batch_store> reader,
                   std::shared_ptr<rating::catalog const> catalog,
                   std::shared_ptr<ingest::source_table const> sources,
                   storage::lane_observer& observer);
    ~import_dry_run() override;

    [[nodiscard]] ingest::push_status admit(std::size_t bytes) noexcept override;
    void release(std::size_t bytes) noexcept override;
    /// Throws storage::command_error when a query fails.
    [[nodiscard]] ingest::push_status push(std::unique_ptr<ingest::record_block>& block) override;
    [[nodiscard]] std::shared_ptr<ingest::source_table const> sources() const override;

  private:
    void drop_duplicates();
    void rate();

    std::unique_ptr<storage::batch_store> reader_;
    storage::duplicate_filter duplicates_;
    std::shared_ptr<rating::catalog const> catalog_;
    std::shared_ptr<ingest::source_table const> sources_;
    storage::lane_observer& observer_;
    storage::entry_batch rows_;
    storage::batch rated_;
    std::vector<storage::batch_entry> entries_;
    /// Hashes of the keys so far, 8 bytes per record. The chance that two different keys among 100
    /// million records have the same hash is below one in a thousand.
    boost::unordered_flat_set<std::uint64_t> met_;
};

} // namespace tally::daemon
