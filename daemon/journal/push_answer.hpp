#pragma once

#include "ingest/base/assert.hpp"
#include "ingest/record/record_block.hpp"

#include <exception>
#include <functional>
#include <utility>

namespace tally::daemon {

/// The answer that a sender waits for: given exactly once. One that is destroyed and was not given
/// would leave its sender without an answer, and asserts (docs/ARCHITECTURE.md, R3). Only an
/// exception may destroy it: the daemon ends, and the connection with it.
class push_answer {
  public:
    using callback = std::function<void(ingest::block_outcome const&)>;

    push_answer() = default;
    explicit push_answer(callback done) noexcept : done_{std::move(done)} {}
    push_answer(push_answer&& other) noexcept : done_{std::exchange(other.done_, nullptr)} {}
    push_answer& operator=(push_answer&& other) noexcept {
        end();
        done_ = std::exchange(other.done_, nullptr);
        return *this;
    }
    push_answer(push_answer const&) = delete;
    push_answer& operator=(push_answer const&) = delete;
    ~push_answer() { end(); }

    /// Whether a sender waits.
    explicit operator bool() const noexcept { return done_ != nullptr; }
    void give(ingest::block_outcome const& outcome) {
        if (auto const done = std::exchange(done_, nullptr)) {
            done(outcome);
        }
    }
    /// This run will not store the push: not durable, so that the sender repeats it.
    void give_up() { give({}); }

  private:
    void end() noexcept {
        TALLY_ASSERT(done_ == nullptr || std::uncaught_exceptions() > 0,
                     "a sender is forgotten: its push was neither answered nor given up");
    }

    callback done_;
};

} // namespace tally::daemon
