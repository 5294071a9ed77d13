#include "tests/simulation/scheduler.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace tally::simulation {

namespace {

/// Waits of one step before it counts as endless: some minutes of virtual time.
constexpr int waits_max = 5000;

} // namespace

void scheduler::add(process& owner, std::function<clock::duration()> step,
                    std::function<std::uint64_t()> signal) {
    parts_.emplace_back(&owner, std::move(step), std::move(signal), now);
}

bool scheduler::is_due(part const& one) const {
    bool const is_woken = !one.run.is_under_way() && one.signal && one.signal() != one.last_signal;
    return is_woken || one.due <= now;
}

scheduler::part& scheduler::choose() {
    std::vector<part*> ready;
    for (auto& one : parts_) {
        if (order == wake_order::any || is_due(one)) {
            ready.push_back(&one);
        }
    }

    // Nothing is due: time passes.
    if (ready.empty()) {
        auto& first = *std::ranges::min_element(parts_, {}, &part::due);
        auto const before = std::chrono::milliseconds{order == wake_order::just_before ? 1 : 0};
        auto const after = std::chrono::milliseconds{order == wake_order::just_after ? 1 : 0};
        now = std::max(now, first.due - before + after);
        if (on_wake) {
            on_wake(order);
        }
        return first;
    }
    return *ready[random_() % ready.size()];
}

void scheduler::run_one() {
    run(choose());
}

void scheduler::run_all() {
    // A step may start or end a process.
    std::vector<part*> all;
    for (auto& one : parts_) {
        all.push_back(&one);
    }
    for (auto* const one : all) {
        auto const is_there =
            std::ranges::any_of(parts_, [one](auto const& each) { return &each == one; });
        if (is_there) {
            run(*one);
        }
    }
}

void scheduler::run(part& next) {
    running_ = &next;
    struct leave {
        part*& running;
        ~leave() { running = nullptr; }
    } const left{running_};

    if (next.run.is_under_way()) {
        next.run.resume();
        return;
    }
    next.last_signal = next.signal ? next.signal() : 0;
    next.run.start([this, &next] {
        auto const time = next.step();
        next.due = now + time;
    });
}

void scheduler::check_killed() const {
    // What is already being unwound makes requests in destructors, too.
    if (running_ != nullptr && running_->owner->is_dying && std::uncaught_exceptions() == 0) {
        throw killed{running_->owner};
    }
}

void scheduler::wait(clock::duration time) {
    check_killed();
    wait_through(time);
    check_killed();
}

bool scheduler::wait_through(clock::duration time) noexcept {
    if (running_ == nullptr) {
        return true;
    }
    auto* const self = running_;
    if (!self->owner->is_dying) {
        self->due = now + time;
        self->run.wait();
    }
    return !self->owner->is_dying;
}

void scheduler::kill(process& owner) {
    owner.is_dying = true;
    for (auto& one : parts_) {
        try {
            if (one.owner == &owner && one.run.is_under_way()) {
                run(one);
            }
        } catch (killed const&) { // where it waited
        }
    }
    std::erase_if(parts_, [&owner](auto const& one) { return one.owner == &owner; });
}

bool scheduler::finish(process& owner) {
    for (auto& one : parts_) {
        for (int waits = 0; one.owner == &owner && one.run.is_under_way(); ++waits) {
            if (waits > waits_max) {
                return false;
            }
            now += std::chrono::milliseconds{10};
            run(one);
        }
    }
    std::erase_if(parts_, [&owner](auto const& one) { return one.owner == &owner; });
    return true;
}

} // namespace tally::simulation
