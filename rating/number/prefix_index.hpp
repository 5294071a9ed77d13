#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::rating {

/// Finds the prefixes of a number, longest first, among a fixed set of digit strings: immutable
/// after building, some 60 bytes a prefix, no allocation. Any number of threads.
///
/// Two forms of the same set. The longest prefix, which every call asks for, comes from a sorted
/// list of spans: numbers written as integers, a span of them for each answer, and a table of the
/// leading digits that says where in the list to look. That is two or three cache lines, where a
/// walk digit by digit takes one for each digit behind the common ones; with 200,000 prefixes
/// these lines come from memory. All prefixes, which are rarely asked for, come from that walk.
///
///     prefixes 4, 44, 447        spans  4... | 44... | 447.. | 448.. | 45... | 5...
///                                answer 4      44      447     44      4       none
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
    // Numbers from `begin` to the next span's begin have the longest prefix of `value`.
    struct span_of_numbers {
        std::uint64_t begin = 0;
        std::uint32_t value = none;
    };
    using sorted_entries = std::vector<std::pair<std::string_view, std::uint32_t>>;

    void build_nodes(sorted_entries const& sorted);
    void add_span(std::uint64_t begin, std::uint32_t value);
    void build_spans(sorted_entries const& sorted);
    void build_table();
    [[nodiscard]] std::uint32_t walk_to_longest(std::string_view digits) const noexcept;

    std::vector<node> nodes_;
    std::vector<span_of_numbers> spans_; ///< empty when a prefix is longer than a key
    /// By leading digits: the first span that begins with them or behind them.
    std::vector<std::uint32_t> table_;
    std::uint32_t table_digits_ = 0;
};

} // namespace tally::rating
