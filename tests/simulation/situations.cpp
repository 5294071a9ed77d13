#include "tests/simulation/world.hpp"

namespace tally::simulation {

std::vector<std::string> const& situations_wanted() {
    static std::vector<std::string> const wanted{
        // The process and the machine.
        "killed",
        "power lost",
        "stopped gracefully, all stored",
        "stopped gracefully, some left",
        "drain during replay",
        "replay of an earlier run",
        "lane ended by itself",
        // The disk.
        "torn write",
        "EIO",
        "ENOSPC",
        "slow fsync",
        "journal full",
        "journal refused a push",
        "segment rolled over with nothing under way",
        "segment released between two looks",
        // The database.
        "database down",
        "answer to COMMIT lost",
        "lock wait",
        "duplicate in a batch",
        "duplicate inside a chunk",
        "conflict of contents",
        "calls written ahead",
        "later piece refused",
        "session lost while a batch grows",
        "rival took the row",
        "rival created the row",
        "row created before it was locked",
        "rival holds locks",
        "rival killed",
        "record repeated at a rival",
        "failover to an older state",
        "failover that lost commits",
        "lane found its last batch lost",
        "position lower than committed",
        "database went back, noticed",
        "gap found",
        "gap settled",
        // The feeder and the import.
        "woken just before it is due",
        "woken just after it is due",
        "queue full",
        "payers decided by the feeder",
        "number moved to another account",
        "import done",
        "import killed",
        "import stopped",
        "import goes on at its position",
        "imported again after a failover",
    };
    return wanted;
}

} // namespace tally::simulation
