#pragma once

#include "ingest/record/record_block.hpp"

#include <memory>

namespace tally::ingest {

enum class push_status : std::uint8_t {
    pushed, ///< taken; on_done will be called
    full,   ///< no credit left: come back later, nothing was taken
    closed, ///< stopping: nothing is taken any more
};

/// Where sessions and readers hand their blocks over; the daemon's pipeline behind it. Any thread.
class record_sink {
  public:
    record_sink() = default;
    record_sink(record_sink const&) = delete;
    record_sink& operator=(record_sink const&) = delete;
    virtual ~record_sink() = default;

    /// Asks for room for an input of `bytes` before it is read. What was granted is given back by
    /// the block that carries it (admitted_bytes), or by release() when no block comes of it.
    [[nodiscard]] virtual push_status admit(std::size_t bytes) noexcept = 0;
    virtual void release(std::size_t bytes) noexcept = 0;

    /// Takes an admitted block over. Only `closed` leaves it with the caller.
    [[nodiscard]] virtual push_status push(std::unique_ptr<record_block>& block) = 0;

    /// The sources as they are now.
    [[nodiscard]] virtual std::shared_ptr<source_table const> sources() const = 0;
};

} // namespace tally::ingest
