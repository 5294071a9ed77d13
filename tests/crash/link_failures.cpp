#include "tests/crash/failure.hpp"

#include <array>
#include <chrono>
#include <thread>

namespace tally::crash {

namespace {

using cut = tests::cutting_proxy::cut;

/// Arms the proxy and waits until it has cut; several times.
void cut_at(scene& target, std::string const& text, std::span<cut const> ways) {
    std::uint64_t cuts = 0;
    auto const times = target.random.between(2, 6);
    for (std::uint64_t i = 0; i < times; ++i) {
        target.bed.proxy().arm(ways[target.random.below(ways.size())], text);
        auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
        while (!target.bed.proxy().has_cut() && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
        cuts += target.bed.proxy().has_cut() ? 1 : 0;
        target.wait(0, 60);
    }
    target.bed.proxy().arm(cut::never, {});
    target.tell(std::to_string(cuts) + " connections cut");
}

} // namespace

void cut_copy(scene& target) {
    // In the middle of COPY the server sends no answer that could be lost.
    static constexpr std::array ways{cut::request, cut::half, cut::before_answer};
    cut_at(target, "PGCOPY", ways);
}

// Cuts at the name of the prepared statement: the COMMIT may have been executed or not.
void cut_commit(scene& target) {
    static constexpr std::array ways{cut::request, cut::half, cut::answer, cut::before_answer};
    cut_at(target, "tally_commit", ways);
}

} // namespace tally::crash
