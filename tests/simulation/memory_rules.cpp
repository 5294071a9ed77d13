#include "tests/simulation/memory_rules.hpp"

#include "daemon/pipeline/routed_block.hpp"
#include "storage/lane/batch_entry.hpp"

#include <utility>

namespace tally::simulation {

namespace {

template <typename Item>
std::size_t allocated(std::vector<Item> const& items) {
    return items.capacity() * sizeof(Item);
}

/// The block's memory, and that of what the pipeline makes of it.
std::size_t bytes_of(ingest::record_block const& block) {
    auto const& batch = block.batch;
    auto const read = allocated(batch.cdrs) + allocated(batch.cdr_index) + allocated(batch.events) +
                      allocated(batch.event_index) + allocated(batch.rejected);
    return sizeof(block) + batch.body.capacity() + batch.text.bytes() + read +
           block.content_type.capacity() + block.query.capacity() + sizeof(daemon::routed_block);
}

/// A frame has the settings of its source and the payers beside the body, for which alone credit is
/// taken.
constexpr std::uint64_t frame_extra_bytes = 1024;

} // namespace

/// Lives as long as the block.
class weighed_sink::weight {
  public:
    weight(std::shared_ptr<held_memory> held, std::size_t bytes)
        : held_{std::move(held)}, bytes_{static_cast<std::int64_t>(bytes)} {
        held_->bytes += bytes_;
        ++held_->blocks;
    }
    ~weight() {
        held_->bytes -= bytes_;
        --held_->blocks;
    }
    weight(weight const&) = delete;
    weight& operator=(weight const&) = delete;

  private:
    std::shared_ptr<held_memory> held_;
    std::int64_t bytes_;
};

ingest::push_status weighed_sink::push(std::unique_ptr<ingest::record_block>& block) {
    if (observer_) {
        observer_(*block);
    }
    auto const body_bytes = block->batch.body.size();
    auto const held = std::make_shared<weight>(held_, bytes_of(*block));
    block->on_done = [held, done = std::move(block->on_done)](auto const& outcome) {
        if (done) {
            done(outcome);
        }
    };
    auto const status = target_.push(block);
    pushed_bytes_ += status == ingest::push_status::pushed ? body_bytes : 0;
    return status;
}

/// One block that is larger than the bound passes alone.
void weighed_sink::check() const {
    if (held_->blocks > 1 && held_->bytes > bytes_max_) {
        throw broken_rule{name_ + ": " + std::to_string(held_->blocks) + " blocks hold " +
                          std::to_string(held_->bytes) + " bytes, and " +
                          std::to_string(bytes_max_) + " are allowed"};
    }
}

void weighed_sink::check_idle() {
    if (held_->blocks > 0) {
        return;
    }
    auto const all = static_cast<std::size_t>(bytes_max_);
    switch (target_.admit(all)) {
    case ingest::push_status::full:
        throw broken_rule{name_ + ": nothing is under way, and credit is missing"};
    case ingest::push_status::pushed:
        target_.release(all);
        break;
    case ingest::push_status::closed:
        break;
    }
}

void pending_pushes::add(std::size_t body_bytes, std::uint64_t frame_bytes) {
    if (frame_bytes > body_bytes + frame_extra_bytes) {
        throw broken_rule{"journal: a push of " + std::to_string(body_bytes) + " bytes takes " +
                          std::to_string(frame_bytes)};
    }
    pushes_.push_back({static_cast<std::int64_t>(body_bytes), frame_bytes});
    body_bytes_ += pushes_.back().body_bytes;
    pending_bytes_ += frame_bytes;
}

void pending_pushes::begin_flush() noexcept {
    taken_ = pushes_.size();
    pending_bytes_ = 0;
}

void pending_pushes::end_flush() {
    for (; taken_ > 0; --taken_) {
        body_bytes_ -= pushes_.front().body_bytes;
        pushes_.pop_front();
    }
}

void pending_pushes::check(std::uint64_t pending_bytes) const {
    if (pending_bytes_ != pending_bytes) {
        throw broken_rule{"journal: the pending bytes are not those of the pending frames"};
    }
    if (pushes_.size() > 1 && body_bytes_ > bytes_max_) {
        throw broken_rule{"journal: " + std::to_string(pushes_.size()) + " pushes hold " +
                          std::to_string(body_bytes_) + " bytes, and " +
                          std::to_string(bytes_max_) + " are allowed"};
    }
}

} // namespace tally::simulation
