#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

namespace tally::simulation {

/// Code on a stack of its own: it stops where it waits, and goes on there when it is resumed. All
/// fibers run on one thread, so that the scheduler alone decides which of them goes on.
class fiber {
  public:
    fiber();
    /// The body must have ended.
    ~fiber();
    fiber(fiber const&) = delete;
    fiber& operator=(fiber const&) = delete;

    /// Runs `body` until it waits or ends. An exception that leaves the body leaves start() or
    /// resume().
    void start(std::function<void()> body);
    /// Goes on after wait().
    void resume();
    /// Within the body: gives control back to start() or resume().
    void wait();
    /// The body has begun and has not ended.
    [[nodiscard]] bool is_under_way() const noexcept { return is_under_way_; }

  private:
    struct context;
    static void enter();
    void run() noexcept;
    void switch_in();

    std::unique_ptr<context> context_;
    std::function<void()> body_;
    std::exception_ptr failure_;
    bool is_under_way_ = false;
};

} // namespace tally::simulation
