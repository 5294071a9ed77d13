#include "daemon/pipeline/payer_decisions.hpp"

#include "rating/catalog/guide.hpp"
#include "rating/number/number_normalizer.hpp"

#include <algorithm>
#include <utility>

namespace tally::daemon {

void decide_payers(ingest::record_block& block, rating::catalog const& catalog) {
    // Numbers first: the catalog is looked up by normalized ones.
    rating::apply_number_rules(block.batch, block.sender->numbers);
    block.decided = rating::decide_payers(block.batch, catalog);
}

payer_decisions::payer_decisions(storage::position_store& store, std::string stream,
                                 catalog_source catalog, last_commit& chain)
    : store_{store}, stream_{std::move(stream)}, catalog_{std::move(catalog)}, chain_{chain} {}

storage::result payer_decisions::load(std::uint64_t position) {
    std::vector<storage::decided_range> found;
    auto const status = store_.load_decisions(stream_, position, found);
    is_certain_ = status.ok();

    // In order of their first record; each range remembers how far those before it reach.
    earlier_.clear();
    std::uint64_t end = 0;
    for (auto const& each : found) {
        range one{each.first_record, each.end_record, {}, end};
        if (one.decided.decode(each.payers)) {
            end = std::max(end, one.end_record);
            earlier_.push_back(std::move(one));
        }
    }
    return status;
}

storage::result
payer_decisions::settle(std::span<std::unique_ptr<ingest::record_block> const> blocks) {
    // The decisions of a request without an answer may be kept: then they hold.
    if (!is_certain_ && !blocks.empty()) {
        if (auto const status = load(blocks.front()->stream_begin); !status.ok()) {
            return status;
        }
    }

    // A block out of the journal may have its decision in the frame (R11), and needs none here.
    std::vector<storage::decided_range> made;
    std::vector<ingest::record_block*> of_made;
    for (auto const& block : blocks) {
        if (!block->batch.cdrs.empty() && block->decided.empty()) {
            decide(*block);
            made.push_back({block->stream_begin, block->stream_end, block->decided.encode()});
            of_made.push_back(block.get());
        }
    }
    if (made.empty()) {
        return {};
    }

    // R6: kept before any of these records is stored. The link joins the decisions to the chain
    // that the lanes' batches rest on (R5).
    storage::chain_link const link{ingest::uuid_v7(), chain_.get()};
    auto const status = store_.keep_decisions(stream_, made, link);
    if (status.ok()) {
        chain_.set(link.id);
        return status;
    }

    // Whether they were kept is not known. They are read again before the next attempt.
    is_certain_ = false;
    for (auto* const block : of_made) {
        block->decided = {};
    }
    return status;
}

/// Takes the decisions of an earlier run, and decides for the calls that have none: blocks may have
/// been cut at other records then.
void payer_decisions::decide(ingest::record_block& block) const {
    // Collected first, since deciding overwrites what the block has.
    ingest::payers known;
    bool knows_all = true;
    for (auto const index : block.batch.cdr_index) {
        auto const* const payer = earlier_payer(block.stream_begin + index);
        knows_all = knows_all && payer != nullptr;
        if (payer != nullptr) {
            known.set(index, *payer);
        }
    }
    if (knows_all) {
        block.decided = std::move(known);
        return;
    }

    // Some are missing: decide for all calls, then put the earlier decisions back.
    decide_payers(block, *catalog_());
    for (auto const index : block.batch.cdr_index) {
        if (auto const* const payer = known.of(index)) {
            block.decided.set(index, *payer);
        }
    }
}

/// nullptr: no earlier run has decided for this record.
///
///     ranges 0 to 9, 5 to 7, 9 to 11; record 9: looked for in the last one, then in the first one,
///     since `end_before` of the others says that some range before them ends at 10
ingest::payer const* payer_decisions::earlier_payer(std::uint64_t record) const {
    auto each = std::ranges::upper_bound(earlier_, record, {}, &range::first_record);

    // Backwards, as long as some range before may reach the record.
    while (each != earlier_.begin()) {
        --each;
        if (record < each->end_record) {
            auto const index = static_cast<std::uint32_t>(record - each->first_record);
            if (auto const* const payer = each->decided.of(index)) {
                return payer;
            }
        }
        if (each->end_before <= record) {
            break;
        }
    }
    return nullptr;
}

} // namespace tally::daemon
