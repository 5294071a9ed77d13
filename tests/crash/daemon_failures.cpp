#include "tests/crash/failure.hpp"

#include <csignal>
#include <thread>

namespace tally::crash {

namespace {

std::string name_of(std::size_t daemon) {
    return "daemon " + std::to_string(daemon);
}

std::size_t some_daemon(scene& target) {
    return target.has_two_daemons ? target.random.below(2) : 0;
}

void start_again(scene& target, std::size_t daemon) {
    auto const plan = target.any_lanes();
    target.bed.start(daemon, plan, target.pushes);
    target.tell("restarted with " + std::to_string(plan.lanes) + " lanes");
}

void stop_for(scene& target, std::size_t daemon, std::uint64_t from_ms, std::uint64_t to_ms) {
    target.bed.send(daemon, SIGSTOP);
    auto const time = target.wait(from_ms, to_ms);
    target.bed.send(daemon, SIGCONT);
    target.tell(name_of(daemon) + " stood still for " + std::to_string(time.count()) + " ms");
}

} // namespace

void kill_daemon(scene& target) {
    auto const daemon = some_daemon(target);
    target.bed.kill(daemon, target.pushes);
    target.tell(name_of(daemon) + " killed");
    start_again(target, daemon);
}

void kill_replay(scene& target) {
    auto const daemon = some_daemon(target);
    for (auto times = target.random.between(2, 3); times > 0; --times) {
        target.bed.kill(daemon, target.pushes);
        start_again(target, daemon);
        auto const time = target.wait(0, 150);
        target.tell(name_of(daemon) + " killed after " + std::to_string(time.count()) + " ms");
    }
    target.bed.kill(daemon, target.pushes);
    start_again(target, daemon);
}

void stop_daemon(scene& target) {
    stop_for(target, some_daemon(target), 100, 1000);
}

// Its session may hold row locks meanwhile, and the other daemon changes counters that it has read.
void wake_late(scene& target) {
    stop_for(target, some_daemon(target), 1000, 3000);
}

void shorten_drain(scene& target) {
    auto const daemon = some_daemon(target);
    target.bed.send(daemon, SIGTERM);
    target.wait(0, 60);
    if (int const code = target.bed.stop(daemon, target.pushes); code != 0) {
        target.finding = "a daemon that was stopped twice ended with " + std::to_string(code);
    }
    target.tell(name_of(daemon) + " stopped in a hurry");
    start_again(target, daemon);
}

} // namespace tally::crash
