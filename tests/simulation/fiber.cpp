#include "tests/simulation/fiber.hpp"

#include "ingest/base/assert.hpp"

#include <cxxabi.h>
#include <ucontext.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace tally::simulation {

namespace {

constexpr std::size_t stack_bytes = std::size_t{512} << 10;

using stack = std::unique_ptr<char[]>;

/// A world has some ten stacks, and thousands of worlds follow each other.
std::vector<stack>& free_stacks() {
    static std::vector<stack> stacks;
    return stacks;
}

stack take_stack() {
    auto& stacks = free_stacks();
    if (stacks.empty()) {
        return stack{new char[stack_bytes]};
    }
    auto taken = std::move(stacks.back());
    stacks.pop_back();
    return taken;
}

fiber* entered = nullptr; ///< for enter(), which has no parameter

} // namespace

/// What the C++ runtime knows about the exceptions of a thread: each fiber has its own.
class exception_state {
  public:
    /// Puts this state in place of the thread's, and keeps the thread's.
    void exchange() noexcept {
        std::array<char, bytes> current{};
        std::memcpy(current.data(), abi::__cxa_get_globals(), bytes);
        std::memcpy(static_cast<void*>(abi::__cxa_get_globals()), kept_.data(), bytes);
        kept_ = current;
    }

  private:
    /// A pointer and a number (Itanium C++ ABI, 2.2.2).
    static constexpr std::size_t bytes = sizeof(void*) + sizeof(unsigned);
    std::array<char, bytes> kept_{};
};

struct fiber::context {
    ucontext_t own{};
    ucontext_t resumer{};
    stack memory = take_stack();
    exception_state exceptions;
    void* own_fake_stack = nullptr;
    void* resumer_fake_stack = nullptr;
    void const* resumer_stack = nullptr;
    std::size_t resumer_stack_bytes = 0;

    // AddressSanitizer has to know on which stack the code runs.
    void announce_in() {
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_start_switch_fiber(&resumer_fake_stack, memory.get(), stack_bytes);
#endif
    }
    void arrive_in() {
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(own_fake_stack, &resumer_stack, &resumer_stack_bytes);
#endif
    }
    void announce_out([[maybe_unused]] bool is_last) {
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_start_switch_fiber(is_last ? nullptr : &own_fake_stack, resumer_stack,
                                       resumer_stack_bytes);
#endif
    }
    void arrive_out() {
#ifdef __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(resumer_fake_stack, nullptr, nullptr);
#endif
    }
};

fiber::fiber() : context_{std::make_unique<context>()} {}

fiber::~fiber() {
    TALLY_ASSERT(!is_under_way_, "a fiber ends before it is gone or begins again");
    free_stacks().push_back(std::move(context_->memory));
}

void fiber::start(std::function<void()> body) {
    TALLY_ASSERT(!is_under_way_, "a fiber ends before it is gone or begins again");
    body_ = std::move(body);
    is_under_way_ = true;
    context_->own_fake_stack = nullptr;
    getcontext(&context_->own);
    context_->own.uc_stack.ss_sp = context_->memory.get();
    context_->own.uc_stack.ss_size = stack_bytes;
    context_->own.uc_link = nullptr; // run() switches out itself
    makecontext(&context_->own, &fiber::enter, 0);
    entered = this;
    switch_in();
}

void fiber::resume() {
    TALLY_ASSERT(is_under_way_, "only what waits goes on");
    switch_in();
}

void fiber::switch_in() {
    context_->exceptions.exchange();
    context_->announce_in();
    swapcontext(&context_->resumer, &context_->own);
    context_->arrive_out();
    context_->exceptions.exchange();
    if (auto const failure = std::exchange(failure_, nullptr)) {
        std::rethrow_exception(failure);
    }
}

void fiber::wait() {
    context_->announce_out(false);
    swapcontext(&context_->own, &context_->resumer);
    context_->arrive_in();
}

void fiber::enter() {
    entered->context_->arrive_in();
    entered->run();
}

void fiber::run() noexcept {
    try {
        body_();
    } catch (...) {
        failure_ = std::current_exception();
    }
    body_ = nullptr;
    is_under_way_ = false;
    context_->announce_out(true);
    setcontext(&context_->resumer);
}

} // namespace tally::simulation
