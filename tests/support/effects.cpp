#include "tests/support/effects.hpp"

#include "tests/support/billing_fixture.hpp"

#include <thread>

namespace tally::tests {

bool wait_for_effects(std::string const& connection_string, std::chrono::seconds limit) {
    auto const deadline = std::chrono::steady_clock::now() + limit;
    while (query_one(connection_string, "SELECT count(*) FROM ingest.effect_queue") != "0") {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

} // namespace tally::tests
