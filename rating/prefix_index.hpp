#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::rating {

/// Finds the prefixes of a number, longest first, among a fixed set of digit strings: immutable
/// after building, a few dozen bytes a prefix, one short walk a lookup, no allocation.
class prefix_index {
  public:
    static constexpr std::uint32_t none = UINT32_MAX;
    /// E.164 has 15 digits; routing prefixes in front of it make numbers longer.
    static constexpr std::size_t digits_max = 32;

    /// What a lookup gives: values of all stored prefixes of the number, shortest first.
    struct matches {
        std::uint32_t values[digits_max + 1];
        std::uint8_t lengths[digits_max + 1];
        std::uint32_t count = 0;
    };

    prefix_index() = default;
    /// Prefixes must be digits, at most digits_max of them, and distinct
    /// (std::invalid_argument otherwise).
    explicit prefix_index(std::span<std::pair<std::string_view, std::uint32_t> const> entries);

    /// Value of the longest stored prefix of `digits`, or `none`. The walk ends at the first
    /// character that is no digit.
    [[nodiscard]] std::uint32_t longest(std::string_view digits) const noexcept;
    /// All of them, for a caller that must reject some (rates not yet in effect).
    void all(std::string_view digits, matches& out) const noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept;

  private:
    // One node per digit position in use. The bitmap says which digits follow; their nodes stand
    // side by side from `first_child` on, so a step is one popcount and one load.
    struct node {
        std::uint32_t first_child = 0;
        std::uint32_t value = none;
        std::uint16_t children = 0; ///< bit d: digit d follows
    };
    std::vector<node> nodes_;
};

} // namespace tally::rating
