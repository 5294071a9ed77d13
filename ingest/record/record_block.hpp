#pragma once

#include "ingest/record/format.hpp"
#include "ingest/record/record_batch.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tally::ingest {

/// What became of a block's records once all of them are in PostgreSQL.
/// committed + duplicate + suspended = accepted.
struct block_outcome {
    bool durable = false; ///< false: given up (stopping) before COMMIT was seen
    std::uint32_t committed = 0;
    std::uint32_t duplicate = 0;
    std::uint32_t suspended = 0;

    friend bool operator==(block_outcome const&, block_outcome const&) = default;
};

/// Lasts as long as a sender waits to be told after COMMIT: it holds this, and who wants to tell it
/// hears when it has gone, told or not. Used by the sender's thread only.
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

/// A batch of records on its way: made by a session or a reader, guided by the router, shared by
/// the lanes, finished by the last of them. Nothing in it changes after guiding except the counts.
struct record_block {
    record_batch batch;
    std::shared_ptr<source const> from; ///< whose records they are
    format const* in_format = nullptr;
    std::size_t admitted_bytes = 0; ///< credit held until the block is done
    bool suspend_rejected = false;  ///< batch.rejected goes to suspense as well
    /// When the push came, or the file was read, in us since 1970: by this its events without a
    /// time were decoded, and have to be when they are tried again.
    time_us received = 0;

    // Of a push: what reading its body again takes, and when its sender wants to be told.
    std::string content_type;
    std::string query;
    /// Of a sender: on_done after COMMIT, or once the sender has gone. Empty: as soon as nothing
    /// can be lost.
    std::weak_ptr<commit_wait> waits;

    /// A file's or stream's name and the number of its records before and after this block; lanes
    /// move ingest.positions to `stream_end` with the records. Empty for pushes.
    std::string stream;
    std::uint64_t stream_begin = 0;
    std::uint64_t stream_end = 0;
    /// An earlier run may have stored some of its records, and the catalog may have changed since:
    /// by its key such a record could be a call of another account now.
    bool may_be_stored = false;

    /// Called once, on the thread that finished the block, after its last record is durable. The
    /// counts are known only when the block has gone to the database.
    std::function<void(block_outcome const&)> on_done;

    /// Bytes of memory that it takes on its way, roughly; never less than what the least of blocks
    /// takes with the objects that accompany it (routing, queue, progress).
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        constexpr std::size_t least = 1024;
        return least + batch.body.size() + batch.text.bytes() + batch.cdrs.size() * sizeof(cdr) +
               batch.events.size() * sizeof(event) +
               batch.rejected.size() * sizeof(rejected_record);
    }
};

} // namespace tally::ingest
