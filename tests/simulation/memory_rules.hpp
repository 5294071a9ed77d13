#pragma once

#include "ingest/record/record_sink.hpp"
#include "tests/simulation/broken_rule.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tally::simulation {

/// A pipeline behind which the memory of its blocks is counted (docs/ARCHITECTURE.md, R12): the
/// vectors and texts that a block really has and the objects that go with it, from push to its end,
/// whatever the pipeline's credit says.
class weighed_sink final : public ingest::record_sink {
  public:
    /// `bytes_max`: what the sink's credit allows. `observer` sees each block that is pushed.
    weighed_sink(ingest::record_sink& target, std::int64_t bytes_max, std::string_view name,
                 std::function<void(ingest::record_block const&)> observer = {})
        : target_{target}, bytes_max_{bytes_max}, name_{name}, observer_{std::move(observer)} {}

    [[nodiscard]] ingest::push_status admit(std::size_t bytes) noexcept override {
        return target_.admit(bytes);
    }
    void release(std::size_t bytes) noexcept override { target_.release(bytes); }
    [[nodiscard]] ingest::push_status push(std::unique_ptr<ingest::record_block>& block) override;
    [[nodiscard]] std::shared_ptr<ingest::source_table const> sources() const override {
        return target_.sources();
    }

    /// Throws broken_rule if the blocks hold more than the bound.
    void check() const;
    /// Throws broken_rule if credit is missing although no block is under way.
    void check_idle();
    /// Bytes of the bodies that were pushed.
    [[nodiscard]] std::uint64_t pushed_bytes() const noexcept { return pushed_bytes_; }

  private:
    struct held_memory {
        std::int64_t bytes = 0;
        std::size_t blocks = 0;
    };
    class weight;

    ingest::record_sink& target_;
    std::int64_t bytes_max_;
    std::string name_;
    std::function<void(ingest::record_block const&)> observer_;
    std::shared_ptr<held_memory> held_ = std::make_shared<held_memory>();
    std::uint64_t pushed_bytes_ = 0;
};

/// Pushes that are in the journal's memory because the disk does not have them yet.
class pending_pushes {
  public:
    /// `bytes_max`: what the journal's credit allows, of bodies.
    explicit pending_pushes(std::int64_t bytes_max) : bytes_max_{bytes_max} {}

    /// A push became a frame. Throws broken_rule if that is much larger.
    void add(std::size_t body_bytes, std::uint64_t frame_bytes);
    /// A flush takes what is there.
    void begin_flush() noexcept;
    /// The flush is over, and its frames are gone, whether or not they are on disk.
    void end_flush();
    /// Throws broken_rule if there are more than may be. `pending_bytes`: the frames that the
    /// journal says it has, without those that a flush has taken.
    void check(std::uint64_t pending_bytes) const;

  private:
    struct push {
        std::int64_t body_bytes = 0;
        std::uint64_t frame_bytes = 0;
    };

    std::int64_t bytes_max_;
    std::deque<push> pushes_;
    std::size_t taken_ = 0;
    std::int64_t body_bytes_ = 0;     ///< of pushes_
    std::uint64_t pending_bytes_ = 0; ///< frames that no flush has taken
};

} // namespace tally::simulation
