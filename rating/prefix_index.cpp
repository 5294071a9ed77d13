#include "rating/prefix_index.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>
#include <string>

namespace tally::rating {

namespace {

using entry = std::pair<std::string_view, std::uint32_t>;

void check(std::span<entry const> sorted) {
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        auto const& [prefix, value] = sorted[i];
        bool const digits = prefix.find_first_not_of("0123456789") == std::string_view::npos;
        if (!digits || prefix.size() > prefix_index::digits_max) {
            throw std::invalid_argument("'" + std::string(prefix) +
                                        "' is no prefix of at most 32 digits");
        }
        if (i > 0 && sorted[i - 1].first == prefix) {
            throw std::invalid_argument("prefix '" + std::string(prefix) + "' is there twice");
        }
        if (value == prefix_index::none) {
            throw std::invalid_argument("prefix '" + std::string(prefix) + "' has no value");
        }
    }
}

/// Digit at `i`, or 10 and above for anything else.
unsigned digit_at(std::string_view text, std::size_t i) noexcept {
    return static_cast<unsigned char>(text[i]) - unsigned{'0'};
}

} // namespace

prefix_index::prefix_index(std::span<entry const> entries) {
    std::vector<entry> sorted(entries.begin(), entries.end());
    std::sort(sorted.begin(), sorted.end());
    check(sorted);
    if (sorted.empty()) {
        return;
    }
    // Level by level: the entries below nodes_[i] are sorted[ranges[i]], all alike in their first
    // `depth` digits. Children of a node are made one after the other, so they stand together.
    std::vector<std::pair<std::size_t, std::size_t>> ranges{{0, sorted.size()}};
    nodes_.emplace_back();
    std::size_t level_end = 1;
    std::size_t depth = 0;
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
        if (at == level_end) {
            level_end = nodes_.size();
            ++depth;
        }
        auto [first, last] = ranges[at];
        if (sorted[first].first.size() == depth) { // the shortest comes first
            nodes_[at].value = sorted[first].second;
            ++first;
        }
        nodes_[at].first_child = static_cast<std::uint32_t>(nodes_.size());
        while (first < last) {
            unsigned const digit = digit_at(sorted[first].first, depth);
            std::size_t end = first;
            while (end < last && digit_at(sorted[end].first, depth) == digit) {
                ++end;
            }
            nodes_[at].children = static_cast<std::uint16_t>(nodes_[at].children | 1U << digit);
            nodes_.emplace_back();
            ranges.emplace_back(first, end);
            first = end;
        }
    }
    if (nodes_.size() > std::numeric_limits<std::uint32_t>::max()) {
        throw std::length_error("too many prefixes for one index");
    }
    nodes_.shrink_to_fit();
}

std::uint32_t prefix_index::longest(std::string_view digits) const noexcept {
    if (nodes_.empty()) {
        return none;
    }
    node const* at = nodes_.data();
    std::uint32_t found = at->value;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        unsigned const digit = digit_at(digits, i);
        if (digit > 9 || (at->children >> digit & 1U) == 0) {
            break;
        }
        unsigned const before = at->children & ((1U << digit) - 1U);
        at = nodes_.data() + at->first_child + std::popcount(before);
        found = at->value == none ? found : at->value;
    }
    return found;
}

void prefix_index::all(std::string_view digits, matches& out) const noexcept {
    out.count = 0;
    if (nodes_.empty()) {
        return;
    }
    node const* at = nodes_.data();
    for (std::size_t i = 0;; ++i) {
        if (at->value != none) {
            out.values[out.count] = at->value;
            out.lengths[out.count] = static_cast<std::uint8_t>(i);
            ++out.count;
        }
        unsigned const digit = i < digits.size() ? digit_at(digits, i) : 10;
        if (digit > 9 || (at->children >> digit & 1U) == 0) {
            return;
        }
        unsigned const before = at->children & ((1U << digit) - 1U);
        at = nodes_.data() + at->first_child + std::popcount(before);
    }
}

std::size_t prefix_index::bytes() const noexcept {
    return nodes_.capacity() * sizeof(node);
}

} // namespace tally::rating
