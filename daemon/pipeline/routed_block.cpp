#include "daemon/pipeline/routed_block.hpp"

#include "rating/number/number_normalizer.hpp"

#include <string_view>

namespace tally::daemon {

namespace {

std::uint32_t scale(std::size_t hash, std::uint32_t lanes) noexcept {
    // The lowest bits are dropped: hash tables use them, and the lanes should not depend on them.
    return static_cast<std::uint32_t>((hash >> 7) % lanes);
}

std::uint32_t lane_of(rating::guided const& call_owner, ingest::cdr const& call,
                      rating::catalog const& catalog, std::uint32_t lanes) noexcept {
    if (call_owner.error != ingest::record_error::none) {
        return scale(std::hash<std::string_view>{}(call.raw), lanes);
    }
    auto const account = catalog.subscription_at(call_owner.subscription).account;
    return scale(ingest::uuid_hash{}(catalog.account_at(account).id), lanes);
}

std::uint32_t lane_of(rating::guided_event const& event_owner, ingest::event const& event,
                      rating::catalog const& catalog, std::uint32_t lanes) noexcept {
    if (event_owner.account != rating::no_index) {
        return scale(ingest::uuid_hash{}(catalog.account_at(event_owner.account).id), lanes);
    }
    auto const* const moved = std::get_if<ingest::entity_data>(&event.event_data);
    if (moved != nullptr && !moved->entity.empty()) {
        return scale(std::hash<std::string_view>{}(moved->entity), lanes);
    }
    return scale(ingest::uuid_hash{}(event.id), lanes);
}

} // namespace

routed_block::routed_block(std::unique_ptr<ingest::record_block> block,
                           std::shared_ptr<rating::catalog const> catalog, std::uint32_t lanes,
                           std::function<void(std::size_t)> released)
    : block_{std::move(block)}, catalog_{std::move(catalog)}, released_{std::move(released)},
      first_of_lane_(lanes + 1, 0), slices_left_{lanes} {
    if (block_->sender != nullptr) {
        rating::apply_number_rules(block_->batch, block_->sender->numbers);
    }
    sort_by_lane(assign_lanes(lanes), lanes);
}

/// Guides all records. Returns the lane of each index.
std::vector<std::uint32_t> routed_block::assign_lanes(std::uint32_t lanes) {
    auto& batch = block_->batch;
    std::vector<std::uint32_t> lane_of_place;
    lane_of_place.reserve(batch.received());

    guided_.reserve(batch.cdrs.size());
    for (auto& call : batch.cdrs) {
        guided_.push_back(rating::guide(call, *catalog_));
        call.direction = guided_.back().direction;
        lane_of_place.push_back(lane_of(guided_.back(), call, *catalog_, lanes));
    }

    guided_events_.reserve(batch.events.size());
    for (auto const& event : batch.events) {
        guided_events_.push_back(rating::guide(event, *catalog_));
        lane_of_place.push_back(lane_of(guided_events_.back(), event, *catalog_, lanes));
    }

    // A sender that can correct its records is told which are rejected, and they are dropped here.
    // A switch cannot, so its rejected records go into suspense.
    for (auto const& rejected : batch.rejected) {
        if (block_->suspend_rejected || rejected.suspended) {
            kept_.push_back(&rejected);
            lane_of_place.push_back(scale(std::hash<std::string_view>{}(rejected.raw), lanes));
        }
    }
    return lane_of_place;
}

/// A counting sort keeps the order of arrival within each lane.
void routed_block::sort_by_lane(std::vector<std::uint32_t> const& lane_of_place,
                                std::uint32_t lanes) {
    for (auto const lane : lane_of_place) {
        ++first_of_lane_[lane + 1];
    }
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
        first_of_lane_[lane + 1] += first_of_lane_[lane];
    }
    places_.resize(lane_of_place.size());
    auto next = first_of_lane_;
    for (std::uint32_t index = 0; index < lane_of_place.size(); ++index) {
        places_[next[lane_of_place[index]]++] = index;
    }
}

void routed_block::leave(ingest::block_outcome const& part) noexcept {
    committed_.fetch_add(part.committed, std::memory_order_relaxed);
    duplicate_.fetch_add(part.duplicate, std::memory_order_relaxed);
    suspended_.fetch_add(part.suspended, std::memory_order_relaxed);
    if (!part.durable) {
        durable_.store(false, std::memory_order_relaxed);
    }
    if (slices_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) {
        return;
    }

    // The last slice: acq_rel makes the counts of all others visible here. The block frees itself,
    // and the credit goes back last, so that it bounds the memory that is really in use.
    std::unique_ptr<routed_block> const self{this};
    if (block_->on_done) {
        block_->on_done({durable_.load(), committed_.load(), duplicate_.load(), suspended_.load()});
    }
    released_(block_->admitted_bytes);
}

} // namespace tally::daemon
