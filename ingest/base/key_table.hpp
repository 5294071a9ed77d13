#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Finds a name among N known ones in one or two comparisons. The table is built by the compiler.
template <std::size_t N>
class key_table {
  public:
    static constexpr std::size_t absent = N;

    constexpr explicit key_table(std::array<std::string_view, N> const& names) : names_(names) {
        indices_.fill(empty);
        for (std::size_t index = 0; index < N; ++index) {
            std::size_t bucket = hash(names[index]);
            while (indices_[bucket] != empty) {
                bucket = (bucket + 1) % buckets;
            }
            indices_[bucket] = static_cast<std::uint8_t>(index);
        }
    }

    [[nodiscard]] constexpr std::size_t find(std::string_view name) const noexcept {
        for (std::size_t bucket = hash(name); indices_[bucket] != empty;
             bucket = (bucket + 1) % buckets) {
            if (names_[indices_[bucket]] == name) {
                return indices_[bucket];
            }
        }
        return absent;
    }
    [[nodiscard]] constexpr std::string_view name(std::size_t index) const { return names_[index]; }

  private:
    /// At most a quarter full, so that the search for an unknown name ends at once.
    static constexpr std::size_t buckets = 256;
    static constexpr std::uint8_t empty = 255;
    static_assert(N <= buckets / 4);

    static constexpr std::size_t hash(std::string_view name) noexcept {
        if (name.empty()) {
            return 0;
        }
        auto const first = static_cast<std::uint8_t>(name.front());
        auto const last = static_cast<std::uint8_t>(name.back());
        auto const middle = static_cast<std::uint8_t>(name[name.size() / 2]);
        return (name.size() * 37 + first * 11u + middle * 5u + last) % buckets;
    }

    std::array<std::string_view, N> names_;
    std::array<std::uint8_t, buckets> indices_{};
};

} // namespace tally::ingest
