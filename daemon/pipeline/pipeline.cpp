#include "daemon/pipeline/pipeline.hpp"

#include "ingest/base/reversal.hpp"
#include "storage/batch/batch_writer.hpp"

#include <string>
#include <utility>

namespace tally::daemon {

batch_store_maker lane_connections(std::string connection_string,
                                   storage::partition_policy partitions) {
    return [connection_string = std::move(connection_string), partitions](std::uint32_t lane) {
        return std::make_unique<storage::batch_writer>(
            connection_string, "tallyd lane " + std::to_string(lane), partitions);
    };
}

pipeline::pipeline(pipeline_options const& options, batch_store_maker const& connect,
                   storage::lane_observer& observer, failure_report& failures)
    : options_{options}, credit_{options.memory_bytes_max} {
    // One default source until the first load, so that sources() is never nullptr.
    sources_.set(std::make_shared<ingest::source_table>(std::vector<ingest::source>{{}}));

    // New for each run: batches of an earlier run must not be taken for ours.
    auto const daemon_id = ingest::uuid_v7();
    for (std::uint32_t i = 0; i < options.lanes; ++i) {
        lanes_.push_back(std::make_unique<lane>(
            lane_options{.lane = i,
                         .lanes = options.lanes,
                         .daemon_id = daemon_id,
                         .import_id = options.import_id,
                         .batch_rows_max = options.batch_rows_max,
                         .linger_max = options.linger_max,
                         .aside_bytes_max = options.aside_bytes_max / options.lanes,
                         .piece_rows = options.piece_rows,
                         .grow_max = options.grow_max,
                         .pace = [this, i] { return pace_of(i); },
                         .key_sets = options.key_sets,
                         .pause = options.pause,
                         .decisions = &decisions_,
                         .generation = &generation_},
            connect(i), observer, failures));
    }
}

void pipeline::start() {
    for (auto& one : lanes_) {
        threads_.push_back(std::make_unique<lane_thread>(*one));
    }
}

/// How long the open batch of a lane may grow.
growth pipeline::pace_of(std::size_t number) const {
    if (is_awaited_ && is_awaited_()) {
        return growth::awaited;
    }
    if (credit_.used() <= options_.memory_bytes_max / 5 * 4) {
        return growth::as_usual;
    }

    // Readers are soon out of credit, and get it back only by commits: by those of the lanes with
    // the largest batches. The small batch of another lane would give back little.
    std::size_t sum = 0;
    for (auto const& one : lanes_) {
        sum += one->records_open();
    }
    return lanes_[number]->records_open() * lanes_.size() >= sum ? growth::short_here
                                                                 : growth::short_elsewhere;
}

std::vector<ingest::uuid> pipeline::last_batches() const {
    // R5: what a position rests on is the last batch of every lane, and the last decisions on
    // payers.
    std::vector<ingest::uuid> batches{decisions_.get()};
    for (auto const& one : lanes_) {
        batches.push_back(std::as_const(*one).last_batch().get());
    }
    std::erase_if(batches, [](auto const& id) { return id.is_nil(); });
    return batches;
}

void pipeline::forget_last_batches() {
    // First: a lane that finds no required batch any longer must find itself outdated, too.
    ++generation_;
    decisions_.forget();
    for (auto& one : lanes_) {
        one->last_batch().forget();
    }
}

void pipeline::forget_last_batches(std::span<ingest::uuid const> covered) {
    for (auto const& id : covered) {
        for (auto& one : lanes_) {
            one->last_batch().forget(id);
        }
    }
}

pipeline::~pipeline() {
    // All lanes are told to end before the first is joined, so that they end side by side.
    closed_ = true;
    for (auto& one : lanes_) {
        one->close();
        one->give_up();
        one->cancel();
    }
    threads_.clear();
    lanes_.clear();
}

/// Called before push(), which relies on the credit that was taken here (R12).
ingest::push_status pipeline::admit(std::size_t bytes) noexcept {
    if (closed_.load(std::memory_order_acquire)) {
        return ingest::push_status::closed;
    }

    // Without a catalog no record can be guided, so the caller waits as if there were no credit.
    if (catalog_.get() == nullptr) {
        return ingest::push_status::full;
    }
    bool const granted =
        credit_.take(static_cast<std::int64_t>(bytes)) || is_reversed(reversal::admit_blocks);
    if (!granted) {
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

    // R14: the block keeps this catalog until its last slice is stored. R12: its credit returns
    // with it.
    auto const routed = std::make_shared<routed_block>(
        std::move(block), catalog_.get(), options_.lanes,
        [this](std::size_t bytes) {
            release(bytes);
            blocks_under_way_.fetch_sub(1, std::memory_order_acq_rel);
        },
        generation_);

    blocks_under_way_.fetch_add(1, std::memory_order_acq_rel);

    // All are made before the first is pushed: if a push throws, the others give up their records.
    std::vector<slice> shares;
    shares.reserve(options_.lanes);
    for (std::uint32_t i = 0; i < options_.lanes; ++i) {
        shares.emplace_back(routed, i);
    }

    // A lane that has ended refuses this slice and every later one. The refused slice is given up,
    // so the block reports that it is not durable (R2).
    for (std::uint32_t i = 0; i < options_.lanes; ++i) {
        if (is_reversed(reversal::drop_when_busy) && lanes_[i]->records_waiting() > 2) {
            shares[i].finish({});
            continue;
        }

        // A lane takes only slices with records.
        bool const is_taken = !shares[i].indices().empty() && lanes_[i]->push(std::move(shares[i]));
        if (!is_taken) {
            shares[i].give_up(); // NOLINT(bugprone-use-after-move): a refused one stays here
        }
    }
    return ingest::push_status::pushed;
}

std::shared_ptr<ingest::source_table const> pipeline::sources() const {
    return sources_.get();
}

bool pipeline::drain(std::chrono::milliseconds limit) {
    closed_.store(true, std::memory_order_release);

    // A block is under way until its last slice has an outcome, so zero means that all is stored or
    // given up.
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
