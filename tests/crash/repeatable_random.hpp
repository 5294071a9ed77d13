#pragma once

#include <cstdint>
#include <random>

namespace tally::crash {

/// A hash of two numbers, the same on every machine.
inline std::uint64_t mixed(std::uint64_t seed, std::uint64_t number) noexcept {
    std::uint64_t x = seed * 0x9e3779b97f4a7c15ULL + number + 0x632be59bd9b4e019ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/// The random numbers of a round. Not std::uniform_int_distribution, whose numbers differ between
/// libraries: a seed must give the same round everywhere.
class repeatable_random {
  public:
    explicit repeatable_random(std::uint64_t seed) : engine_{seed} {}

    std::uint64_t below(std::uint64_t end) { return engine_() % end; }
    std::uint64_t between(std::uint64_t begin, std::uint64_t target) {
        return begin + below(target - begin + 1);
    }
    bool one_in(std::uint64_t times) { return below(times) == 0; }

  private:
    std::mt19937_64 engine_;
};

} // namespace tally::crash
