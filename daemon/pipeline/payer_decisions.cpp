#include "daemon/pipeline/payer_decisions.hpp"

#include "rating/catalog/guide.hpp"
#include "rating/number/number_normalizer.hpp"

#include <algorithm>
#include <utility>

namespace tally::daemon {

void decide_payers(ingest::record_block& block, rating::catalog const& catalog) {
    rating::apply_number_rules(block.batch, block.sender->numbers);
    block.decided = rating::decide_payers(block.batch, catalog);
}

payer_decisions::payer_decisions(storage::position_store& store, std::string stream,
                                 catalog_source catalog)
    : store_{store}, stream_{std::move(stream)}, catalog_{std::move(catalog)} {}

storage::result payer_decisions::load(std::uint64_t position) {
    std::vector<storage::decided_range> found;
    auto const status = store_.load_decisions(stream_, position, found);
    earlier_.clear();
    for (auto const& each : found) {
        range one{each.first_record, each.end_record, {}};
        if (one.decided.decode(each.payers)) {
            earlier_.push_back(std::move(one));
        }
    }
    return status;
}

storage::result
payer_decisions::settle(std::span<std::unique_ptr<ingest::record_block> const> blocks) {
    std::vector<storage::decided_range> made;
    for (auto const& block : blocks) {
        bool const needs_none = block->batch.cdrs.empty() || !block->decided.empty();
        if (needs_none || recall(*block)) {
            continue;
        }
        decide_payers(*block, *catalog_());
        made.push_back({block->stream_begin, block->stream_end, block->decided.encode()});
    }
    if (made.empty()) {
        return {};
    }

    auto const status = store_.keep_decisions(stream_, made);
    if (!status.ok()) { // it is not known whether they are kept: decide them again
        for (auto const& each : made) {
            auto const block = std::ranges::find(blocks, each.first_record,
                                                 [](auto const& one) { return one->stream_begin; });
            (*block)->decided = {};
        }
    }
    return status;
}

/// Takes the decisions of an earlier run, if they cover all calls of the block. Blocks may have been
/// cut at other records then.
bool payer_decisions::recall(ingest::record_block& block) const {
    ingest::payers decided;
    for (auto const index : block.batch.cdr_index) {
        auto const record = block.stream_begin + index;
        auto const covers = [record](range const& each) {
            return each.first_record <= record && record < each.end_record;
        };
        auto const found = std::ranges::find_if(earlier_, covers);
        auto const* const payer =
            found == earlier_.end()
                ? nullptr
                : found->decided.of(static_cast<std::uint32_t>(record - found->first_record));
        if (payer == nullptr) {
            return false;
        }
        decided.set(index, *payer);
    }
    block.decided = std::move(decided);
    return true;
}

} // namespace tally::daemon
