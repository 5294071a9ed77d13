#pragma once

#include <cstdint>
#include <random>

namespace tally::crash {

/// A number made of two that looks random: the same for the same two, everywhere.
inline std::uint64_t mixed(std::uint64_t seed, std::uint64_t number) noexcept {
    std::uint64_t x = seed * 0x9e3779b97f4a7c15ULL + number + 0x632be59bd9b4e019ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/// What a round does is drawn here. Not std::uniform_int_distribution, whose numbers differ between
/// libraries: a seed has to mean the same wherever it is tried again.
class repeatable_random {
  public:
    explicit repeatable_random(std::uint64_t seed) : engine_{seed} {}

    std::uint64_t below(std::uint64_t end) { return engine_() % end; }
    std::uint64_t between(std::uint64_t from, std::uint64_t to) {
        return from + below(to - from + 1);
    }
    bool one_in(std::uint64_t times) { return below(times) == 0; }

  private:
    std::mt19937_64 engine_;
};

} // namespace tally::crash
