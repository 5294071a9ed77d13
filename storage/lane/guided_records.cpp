#include "storage/lane/guided_records.hpp"

#include "rating/number/number_normalizer.hpp"

#include <string_view>
#include <variant>

namespace tally::storage {

guided_records::guided_records(ingest::record_block& block, rating::catalog const& catalog)
    : block_{block}, catalog_{catalog} {
    // Numbers first: a payer is found by the number as the catalog writes it.
    auto& batch = block.batch;
    if (block.sender != nullptr) {
        rating::apply_number_rules(batch, block.sender->numbers);
    }

    calls_.reserve(batch.cdrs.size());
    for (std::size_t i = 0; i < batch.cdrs.size(); ++i) {
        auto& call = batch.cdrs[i];
        // A decision that was made when the push was taken holds, even if the catalog has changed
        // since: the account is a part of the call's key, and another account would make a replay a
        // new call (R6).
        auto const* const decided = block.decided.of(batch.cdr_index[i]);
        guided_call found;
        if (decided != nullptr) {
            found = {rating::guide_decided(call, *decided, catalog), decided->account_id};
        } else {
            found.payer = rating::guide(call, catalog);
            if (found.payer.error == ingest::record_error::none) {
                auto const& s = catalog.subscription_at(found.payer.subscription);
                found.account_id = catalog.account_at(s.account).id;
            }
        }

        // A switch may leave the direction to the numbers; the row and the rating need the same
        // one.
        call.direction = found.payer.direction;
        calls_.push_back(found);
    }

    // Events need no decision: their key does not contain the account (S6).
    events_.reserve(batch.events.size());
    for (auto const& event : batch.events) {
        events_.push_back(rating::guide(event, catalog));
    }

    // A sender that can correct its records is told which are rejected, and they are dropped here.
    // A switch cannot, so its rejected records go into suspense.
    for (auto const& rejected : batch.rejected) {
        if (block.suspend_rejected || rejected.suspended) {
            kept_.push_back(&rejected);
        }
    }
}

batch_entry guided_records::entry(std::uint32_t index, std::uint32_t owner) const noexcept {
    // What the entry points to is the block's, which its slices keep until the last one is done.
    auto const& batch = block_.batch;
    batch_entry entry;
    entry.catalog = &catalog_;
    entry.source = block_.sender.get();
    entry.format = block_.in_format->name;
    entry.received = block_.received;
    entry.owner = owner;

    // Calls, then events, then the rejected records, as their indices are counted.
    auto const calls = calls_.size();
    if (index < calls) {
        entry.take(batch.cdrs[index], calls_[index].payer, calls_[index].account_id);
    } else if (index < calls + events_.size()) {
        entry.take(batch.events[index - calls], events_[index - calls]);
    } else {
        auto const& rejected = *kept_[index - calls - events_.size()];
        entry.raw = rejected.raw;
        entry.suspend(rejected.error, rejected.detail);
    }
    return entry;
}

std::size_t guided_records::lane_hash(std::uint32_t index) const noexcept {
    // The index ranges are those of entry().
    auto const calls = calls_.size();
    if (index < calls) {
        auto const& account = calls_[index].account_id;
        // By account (R7). A call without one is hashed by its bytes, so that a repetition meets
        // the first.
        return account.is_nil() ? std::hash<std::string_view>{}(block_.batch.cdrs[index].raw)
                                : ingest::uuid_hash{}(account);
    }
    if (index < calls + events_.size()) {
        return lane_hash_of_event(static_cast<std::uint32_t>(index - calls));
    }
    // By its bytes: a repetition meets the first, which has the row in suspense (S9).
    return std::hash<std::string_view>{}(kept_[index - calls - events_.size()]->raw);
}

std::size_t guided_records::lane_hash_of_event(std::uint32_t index) const noexcept {
    auto const& event = block_.batch.events[index];
    auto const account = events_[index].account;
    // An account's metered events must be rated in order, in the lane of its calls (R7).
    if (account != rating::no_index) {
        return ingest::uuid_hash{}(catalog_.account_at(account).id);
    }

    // The effects of one license, voucher or room are queued in order of arrival (R17), which only
    // one lane can keep.
    auto const* const moved = std::get_if<ingest::entity_data>(&event.event_data);
    if (moved != nullptr && !moved->entity.empty()) {
        return std::hash<std::string_view>{}(moved->entity);
    }

    // The id is the key of the event, so a repetition meets the first.
    return ingest::uuid_hash{}(event.id);
}

} // namespace tally::storage
