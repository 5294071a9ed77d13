#include "tests/crash/failure.hpp"

#include <cerrno>

namespace tally::crash {

namespace {

void fail_with(scene& on, int error) {
    auto const refused = on.pushes.refused();
    auto const times = on.random.between(1, 4);
    for (std::uint64_t i = 0; i < times; ++i) {
        on.bed.set_disk_error(error);
        on.wait(20, 250);
        on.bed.set_disk_error(0);
        on.wait(20, 120);
    }
    on.tell("the disk failed " + std::to_string(times) + " times, " +
            std::to_string(on.pushes.refused() - refused) + " pushes refused");
    if (!on.pushes.wait_acknowledged(1, std::chrono::seconds{10})) {
        on.finding = "nothing is acknowledged although the disk works again";
    }
}

} // namespace

void fill_disk(scene& on) {
    fail_with(on, ENOSPC);
}

void break_disk(scene& on) {
    fail_with(on, EIO);
}

} // namespace tally::crash
