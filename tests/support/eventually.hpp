#pragma once

#include "tests/support/slowness.hpp"

#include <chrono>
#include <thread>

namespace tally::tests {

/// Waits until the condition holds; false if it did not within the limit.
template <typename Condition>
[[nodiscard]] bool eventually(Condition&& condition,
                              std::chrono::milliseconds limit = std::chrono::seconds{20}) {
    auto const end = std::chrono::steady_clock::now() + limit * slowness;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) {
            return condition();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

} // namespace tally::tests
