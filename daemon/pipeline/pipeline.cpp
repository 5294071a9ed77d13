#include "daemon/pipeline/pipeline.hpp"

namespace tally::daemon {

pipeline::pipeline(pipeline_options options, std::string const& connection_string,
                   storage::lane_observer& observer, failure_report& failures)
    : options_{options}, credit_{options.memory_bytes_max} {
    // One default source until the first load, so that sources() is never nullptr.
    sources_.set(std::make_shared<ingest::source_table>(std::vector<ingest::source>{{}}));
    auto const daemon_id = ingest::uuid_v7();
    for (std::uint32_t i = 0; i < options.lanes; ++i) {
        lanes_.push_back(
            std::make_unique<lane>(lane_options{.lane = i,
                                                .lanes = options.lanes,
                                                .daemon_id = daemon_id,
                                                .import_id = options.import_id,
                                                .batch_rows_max = options.batch_rows_max,
                                                .linger_max = options.linger_max,
                                                .partitions = options.partitions},
                                   connection_string, observer, failures));
    }
}

pipeline::~pipeline() {
    closed_ = true;
    for (auto& one : lanes_) {
        one->close();
        one->give_up();
        one->cancel();
    }
    lanes_.clear();
}

ingest::push_status pipeline::admit(std::size_t bytes) noexcept {
    if (closed_.load(std::memory_order_acquire)) {
        return ingest::push_status::closed;
    }
    if (catalog_.get() == nullptr || !credit_.take(static_cast<std::int64_t>(bytes))) {
        return ingest::push_status::full;
    }
    return ingest::push_status::pushed;
}

void pipeline::release(std::size_t bytes) noexcept {
    credit_.give_back(static_cast<std::int64_t>(bytes));
}

ingest::push_status pipeline::push(std::unique_ptr<ingest::record_block>& block) {
    if (closed_.load(std::memory_order_acquire)) {
        return ingest::push_status::closed;
    }
    bool const is_stream = !block->stream.empty();
    auto* routed = new routed_block{std::move(block), catalog_.get(), options_.lanes,
                                    [this](std::size_t bytes) {
                                        release(bytes);
                                        blocks_under_way_.fetch_sub(1, std::memory_order_acq_rel);
                                    }};
    blocks_under_way_.fetch_add(1, std::memory_order_acq_rel);

    // From here on the slices own the block; the last one to finish frees it.
    std::vector<slice> shares;
    for (std::uint32_t i = 0; i < options_.lanes; ++i) {
        shares.emplace_back(routed, i);
    }

    for (std::uint32_t i = 0; i < options_.lanes; ++i) {
        auto const records = shares[i].places().size();
        // The position of a stream moves in every lane, also in lanes without records of this
        // block.
        if (records == 0 && !is_stream) {
            shares[i].finish({.durable = true});
            continue;
        }
        lanes_[i]->announce(records);
        // A lane that has ended refuses this slice and every later one (R2). The refused slice is
        // destroyed with `shares`, and reports that it is not durable.
        static_cast<void>(lanes_[i]->push(std::move(shares[i])));
    }
    return ingest::push_status::pushed;
}

std::shared_ptr<ingest::source_table const> pipeline::sources() const {
    return sources_.get();
}

bool pipeline::drain(std::chrono::milliseconds limit) {
    closed_.store(true, std::memory_order_release);
    auto const deadline = std::chrono::steady_clock::now() + limit;
    while (blocks_under_way_.load(std::memory_order_acquire) > 0) {
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

} // namespace tally::daemon
