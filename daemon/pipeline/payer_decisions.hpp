#pragma once

#include "daemon/pipeline/last_commit.hpp"
#include "ingest/record/record_block.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/lane/position_store.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tally::daemon {

/// Finds who pays for the calls of a block by this catalog (record_block::decided).
void decide_payers(ingest::record_block& block, rating::catalog const& catalog);

/// The payers of a stream's blocks that carry no decision themselves: those of a file, and pushes
/// that were taken before a catalog was known. They are decided once and kept in the database
/// before any of their records is stored (docs/ARCHITECTURE.md, R6). One thread.
class payer_decisions {
  public:
    using catalog_source = std::function<std::shared_ptr<rating::catalog const>()>;

    /// `catalog` must not return nullptr when settle() is called. `chain` is the pipeline's: its
    /// batches require the decisions.
    payer_decisions(storage::position_store& store, std::string stream, catalog_source catalog,
                    last_commit& chain);

    /// Reads the decisions of earlier runs, for records at and after `position`.
    storage::result load(std::uint64_t position);
    /// Decides for those of the blocks that need it, by the earlier decisions first, and keeps all
    /// of that, also what was decided earlier: the database may have lost it since load(). After a
    /// failure nothing of them may be stored; call it again. `lost`: the database went back.
    storage::result settle(std::span<std::unique_ptr<ingest::record_block> const> blocks);

  private:
    void decide(ingest::record_block& block) const;
    [[nodiscard]] ingest::payer const* earlier_payer(std::uint64_t record) const;

    struct range {
        std::uint64_t first_record = 0;
        std::uint64_t end_record = 0;
        ingest::payers decided;
        std::uint64_t end_before = 0; ///< the largest end of all ranges before this one
    };

    storage::position_store& store_;
    std::string stream_;
    catalog_source catalog_;
    last_commit& chain_;
    std::vector<range> earlier_; ///< sorted by first_record; they may overlap
    bool is_certain_ = true;     ///< earlier_ has all that is kept of earlier runs
};

} // namespace tally::daemon
