#include "tests/crash/failure.hpp"

#include <cerrno>

namespace tally::crash {

namespace {

void fail_with(scene& target, int error) {
    auto const refused = target.pushes.refused();
    auto const times = target.random.between(1, 4);
    for (std::uint64_t i = 0; i < times; ++i) {
        target.bed.set_disk_error(error);
        target.wait(20, 250);
        target.bed.set_disk_error(0);
        target.wait(20, 120);
    }
    target.tell("the disk failed " + std::to_string(times) + " times, " +
                std::to_string(target.pushes.refused() - refused) + " pushes refused");
    if (!target.pushes.wait_acknowledged(1, std::chrono::seconds{10})) {
        target.finding = "nothing is acknowledged although the disk works again";
    }
}

} // namespace

void fill_disk(scene& target) {
    fail_with(target, ENOSPC);
}

void break_disk(scene& target) {
    fail_with(target, EIO);
}

} // namespace tally::crash
