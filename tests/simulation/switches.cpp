#include "tests/simulation/world.hpp"

#include "ingest/base/uuid.hpp"

#include <random>

namespace tally {

namespace {

reversal reversed = reversal::none;
std::mt19937_64 id_random{0}; // NOLINT(cert-msc51-cpp): the same ids for the same seed
std::uint64_t ids_made = 0;

} // namespace

bool is_reversed(reversal protection) noexcept {
    return protection == reversed;
}

void simulation::reverse(reversal protection) noexcept {
    reversed = protection;
}

void simulation::seed_ids(std::uint64_t seed) noexcept {
    id_random.seed(seed);
    ids_made = 0;
}

/// In place of the product's: in order of making, and the same for the same seed.
ingest::uuid ingest::uuid_v7() {
    uuid id;
    auto const number = ++ids_made;
    auto const noise = id_random();
    for (std::size_t i = 0; i < 8; ++i) {
        id.bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
        id.bytes[8 + i] = static_cast<std::uint8_t>(noise >> (8 * i));
    }
    return id;
}

} // namespace tally
