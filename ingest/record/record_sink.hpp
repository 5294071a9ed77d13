#pragma once

#include "ingest/record/record_block.hpp"

#include <memory>

namespace tally::ingest {

enum class push_status : std::uint8_t {
    pushed, ///< accepted; on_done will be called
    full,   ///< no credit left; nothing was accepted: retry later
    closed, ///< stopping: nothing is accepted any longer
};

/// The receiver of blocks. In the daemon sessions push to the journal (push_journal), and what
/// reads the journal or a file pushes to the lanes (pipeline). Any thread.
///
///     if (sink.admit(bytes) != push_status::pushed) {
///         return retry_later(); // before the input is read
///     }
///     auto block = std::make_unique<record_block>();
///     block->admitted_bytes = bytes;
///     // … its source, its format and its decoded batch …
///     block->on_done = [](block_outcome const& outcome) { acknowledge(outcome.durable); };
///     if (sink.push(block) != push_status::pushed) {
///         sink.release(bytes); // not accepted: the credit is still the caller's
///     }
class record_sink {
  public:
    record_sink() = default;
    record_sink(record_sink const&) = delete;
    record_sink& operator=(record_sink const&) = delete;
    virtual ~record_sink() = default;

    /// Asks for credit for an input of `bytes` before it is read. The credit is returned by the
    /// block that carries it (admitted_bytes), or by release() if there is no block.
    [[nodiscard]] virtual push_status admit(std::size_t bytes) noexcept = 0;
    virtual void release(std::size_t bytes) noexcept = 0;

    /// Takes ownership of an admitted block. Only with `closed` the block stays with the caller.
    [[nodiscard]] virtual push_status push(std::unique_ptr<record_block>& block) = 0;

    /// The sources as they are now.
    [[nodiscard]] virtual std::shared_ptr<source_table const> sources() const = 0;
};

} // namespace tally::ingest
