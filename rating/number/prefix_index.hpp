#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::rating {

/// Finds the prefixes of a number among a fixed set of digit strings. Immutable after construction,
/// about 60 bytes per prefix, no allocation in a lookup. Any number of threads.
///
/// The index keeps the set in two forms, since the two questions differ in how often they are
/// asked:
///
/// - Every call asks for the longest prefix. longest() searches a sorted list of spans: numbers
///   written as integers, one span per result, and a table by leading digits that gives the part of
///   the list to search. This reads two or three cache lines. A walk of a digit tree reads one line
///   per digit, and with 200,000 prefixes these lines are not in the cache.
/// - all() is rarely called. It walks the digit tree.
///
///     prefixes 4, 44, 447        spans  4... | 44... | 447.. | 448.. | 45... | 5...
///                                result 4      44      447     44      4       none
class prefix_index {
  public:
    static constexpr std::uint32_t none = UINT32_MAX;
    /// An E.164 number has 15 digits; routing prefixes in front of it make numbers longer.
    static constexpr std::size_t digits_max = 32;

    /// The result of all(): the values of all stored prefixes of a number, shortest first.
    struct matches {
        std::uint32_t values[digits_max + 1];
        std::uint8_t lengths[digits_max + 1];
        std::uint32_t count = 0;
    };

    prefix_index() = default;
    /// Throws std::invalid_argument unless the prefixes are distinct and each consists of at most
    /// digits_max digits.
    explicit prefix_index(std::span<std::pair<std::string_view, std::uint32_t> const> entries);

    /// Value of the longest stored prefix of `digits`, or `none`. The number ends at the first
    /// character that is not a digit.
    [[nodiscard]] std::uint32_t longest(std::string_view digits) const noexcept;
    /// All stored prefixes of `digits`, for a caller that must reject some (rates not in effect).
    void all(std::string_view digits, matches& out) const noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept;

  private:
    // One node per digit position in use. The bitmap holds the digits that follow. Their nodes are
    // contiguous from `first_child` on, so a step is one popcount and one load.
    struct node {
        std::uint32_t first_child = 0;
        std::uint32_t value = none;
        std::uint16_t children = 0; ///< bit d: digit d follows
    };
    // `value` belongs to the longest prefix of all numbers from `begin` to the next span's begin.
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
    /// By leading digits: the first span whose begin has these leading digits or greater ones.
    std::vector<std::uint32_t> table_;
    std::uint32_t table_digits_ = 0;
};

} // namespace tally::rating
