#pragma once

#include "ingest/record/format.hpp"
#include "ingest/record/payers.hpp"
#include "ingest/record/record_batch.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tally::ingest {

/// The outcome of a block, once the sink that took it is done with it: the journal when the block
/// is on disk, the lanes when all of its records are in PostgreSQL.
struct block_outcome {
    bool durable = false; ///< false: given up, because the write failed or the daemon stops
    std::uint32_t committed = 0;
    std::uint32_t duplicate = 0;
    std::uint32_t suspended = 0;

    friend bool operator==(block_outcome const&, block_outcome const&) = default;
};

/// Lives as long as a sender waits for COMMIT. The sender owns it; its end notifies the sink,
/// whether a response was sent or not. Used by the sender's thread only.
class commit_wait {
  public:
    commit_wait() = default;
    ~commit_wait() {
        if (on_gone) {
            on_gone();
        }
    }
    commit_wait(commit_wait const&) = delete;
    commit_wait& operator=(commit_wait const&) = delete;

    std::function<void()> on_gone; ///< set by the sink within push()
};

/// A batch of records on its way. A session's block ends in the journal, which keeps its body. A
/// reader of the journal or of a file makes one that the pipeline guides, the lanes share and the
/// last of them finishes; after guiding, only its counts change.
struct record_block {
    record_batch batch;
    std::shared_ptr<source const> sender; ///< their sender
    format const* in_format = nullptr;
    std::size_t admitted_bytes = 0; ///< credit held until the block is done
    bool suspend_rejected = false;  ///< batch.rejected goes to suspense too
    /// When the push came or the file was read, in us since 1970. Events without a time were
    /// decoded with it, and are decoded with it again on a retry.
    time_us received = 0;

    // For a push: the context for decoding its body again, and when its sender wants a response.
    std::string content_type;
    std::string query;
    /// Set: on_done is called after COMMIT, or once the sender has gone. Empty: as soon as the
    /// records are durable.
    std::weak_ptr<commit_wait> waits;

    /// Who pays for its calls, by record number, as it was decided when they were taken. A call
    /// without a decision is guided when the block is pushed into the pipeline.
    payers decided;

    /// The records of its journal stream or file before and after this block.
    std::uint64_t stream_begin = 0;
    std::uint64_t stream_end = 0;

    /// Called once, on the thread that finished the block, after its last record is durable. The
    /// counts are known only if the block went to the database.
    std::function<void(block_outcome const&)> on_done;

    /// Bytes of memory that the block takes on its way, roughly; at least the cost of the objects
    /// that accompany any block (routing, queue, progress).
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        constexpr std::size_t least = 1024;
        return least + batch.body.size() + batch.text.bytes() + batch.cdrs.size() * sizeof(cdr) +
               batch.events.size() * sizeof(event) +
               batch.rejected.size() * sizeof(rejected_record);
    }
};

} // namespace tally::ingest
