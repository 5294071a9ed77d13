#include "tests/crash/failure.hpp"

#include <csignal>
#include <thread>

namespace tally::crash {

namespace {

std::string name_of(std::size_t daemon) {
    return "daemon " + std::to_string(daemon);
}

std::size_t some_daemon(scene& on) {
    return on.has_two_daemons ? on.random.below(2) : 0;
}

void start_again(scene& on, std::size_t daemon) {
    auto const plan = on.any_lanes();
    on.bed.start(daemon, plan, on.pushes);
    on.tell("restarted with " + std::to_string(plan.lanes) + " lanes");
}

void stop_for(scene& on, std::size_t daemon, std::uint64_t from_ms, std::uint64_t to_ms) {
    on.bed.send(daemon, SIGSTOP);
    auto const time = on.wait(from_ms, to_ms);
    on.bed.send(daemon, SIGCONT);
    on.tell(name_of(daemon) + " stood still for " + std::to_string(time.count()) + " ms");
}

} // namespace

void kill_daemon(scene& on) {
    auto const daemon = some_daemon(on);
    on.bed.kill(daemon, on.pushes);
    on.tell(name_of(daemon) + " killed");
    start_again(on, daemon);
}

void kill_replay(scene& on) {
    auto const daemon = some_daemon(on);
    for (auto times = on.random.between(2, 3); times > 0; --times) {
        on.bed.kill(daemon, on.pushes);
        start_again(on, daemon);
        auto const time = on.wait(0, 150);
        on.tell(name_of(daemon) + " killed after " + std::to_string(time.count()) + " ms");
    }
    on.bed.kill(daemon, on.pushes);
    start_again(on, daemon);
}

void stop_daemon(scene& on) {
    stop_for(on, some_daemon(on), 100, 1000);
}

// Its session may hold row locks meanwhile, and the other daemon changes counters that it has read.
void wake_late(scene& on) {
    stop_for(on, some_daemon(on), 1000, 3000);
}

void hurry_daemon(scene& on) {
    auto const daemon = some_daemon(on);
    on.bed.send(daemon, SIGTERM);
    on.wait(0, 60);
    if (int const code = on.bed.stop(daemon, on.pushes); code != 0) {
        on.finding = "a daemon that was stopped twice ended with " + std::to_string(code);
    }
    on.tell(name_of(daemon) + " stopped in a hurry");
    start_again(on, daemon);
}

} // namespace tally::crash
