#include "rating/number/prefix_index.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>
#include <string>

namespace tally::rating {

namespace {

using entry = std::pair<std::string_view, std::uint32_t>;

void check(std::span<entry const> sorted) {
    // Sorted, so equal prefixes are neighbors.
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        auto const& [prefix, value] = sorted[i];
        bool const digits = prefix.find_first_not_of("0123456789") == std::string_view::npos;
        if (!digits || prefix.size() > prefix_index::digits_max) {
            throw std::invalid_argument("'" + std::string(prefix) +
                                        "' is not a prefix of at most 32 digits");
        }
        if (i > 0 && sorted[i - 1].first == prefix) {
            throw std::invalid_argument("prefix '" + std::string(prefix) + "' occurs twice");
        }
        if (value == prefix_index::none) {
            throw std::invalid_argument("prefix '" + std::string(prefix) + "' has no value");
        }
    }
}

/// The digit at `i`; 10 or more for any other character.
unsigned digit_at(std::string_view text, std::size_t i) noexcept {
    return static_cast<unsigned char>(text[i]) - unsigned{'0'};
}

/// Digits in a key, four bits each: 16 fit 64 bits, and an E.164 number has 15.
constexpr std::size_t key_digits = 16;
/// With more leading digits the table would no longer stay in the cache: 11^5 entries are 640 kB.
constexpr std::uint32_t table_digits_max = 5;
/// In a key a digit is 1 to 10 and 0 is the end, so that "44" comes before "440".
constexpr std::uint32_t key_base = 11;

/// A number as integers. `key` holds the first digits and sorts like the numbers; `lead` holds the
/// leading `table_digits` without gaps, as an index into the table.
struct number_key {
    std::uint64_t key = 0;
    std::uint32_t lead = 0;
};

number_key key_of(std::string_view digits, std::uint32_t table_digits) noexcept {
    number_key result;

    // Digits beyond the key do not matter: spans exist only if no prefix is longer than a key.
    std::size_t const size = std::min(digits.size(), key_digits);
    std::size_t i = 0;
    for (; i < size; ++i) {
        unsigned const digit = digit_at(digits, i);
        if (digit > 9) {
            break;
        }
        result.key |= std::uint64_t{digit + 1} << (4 * (key_digits - 1 - i));
        if (i < table_digits) {
            result.lead = result.lead * key_base + digit + 1;
        }
    }

    // A number that is shorter than the table's digits has ends in the other places.
    for (; i < table_digits; ++i) {
        result.lead *= key_base;
    }
    return result;
}

std::uint32_t lead_of(std::uint64_t key, std::uint32_t table_digits) noexcept {
    std::uint32_t lead = 0;
    for (std::uint32_t i = 0; i < table_digits; ++i) {
        auto const digit = static_cast<std::uint32_t>(key >> (4 * (key_digits - 1 - i)) & 15U);
        lead = lead * key_base + digit;
    }
    return lead;
}

} // namespace

prefix_index::prefix_index(std::span<entry const> entries) {
    sorted_entries sorted(entries.begin(), entries.end());
    std::sort(sorted.begin(), sorted.end());
    check(sorted);
    if (sorted.empty()) {
        return;
    }
    build_nodes(sorted);

    // A longer prefix cannot be a key; then longest() walks the tree, which has all of them.
    bool const fits_keys = std::all_of(sorted.begin(), sorted.end(),
                                       [](entry const& e) { return e.first.size() <= key_digits; });
    if (fits_keys) {
        build_spans(sorted);
        build_table();
    }
}

void prefix_index::build_nodes(sorted_entries const& sorted) {
    // Build level by level. The entries below nodes_[i] are sorted[ranges[i]]; they have their
    // first `depth` digits in common. The children of a node are added in one go, so that they are
    // contiguous.
    std::vector<std::pair<std::size_t, std::size_t>> ranges{{0, sorted.size()}};
    nodes_.emplace_back();
    std::size_t level_end = 1;
    std::size_t depth = 0;
    for (std::size_t index = 0; index < nodes_.size(); ++index) {
        if (index == level_end) {
            level_end = nodes_.size();
            ++depth;
        }

        // The shortest entry sorts first: if it ends here, the node has its value.
        auto [first, last] = ranges[index];
        if (sorted[first].first.size() == depth) {
            nodes_[index].value = sorted[first].second;
            ++first;
        }

        nodes_[index].first_child = static_cast<std::uint32_t>(nodes_.size());
        while (first < last) {
            unsigned const digit = digit_at(sorted[first].first, depth);
            std::size_t end = first;
            while (end < last && digit_at(sorted[end].first, depth) == digit) {
                ++end;
            }
            nodes_[index].children =
                static_cast<std::uint16_t>(nodes_[index].children | 1U << digit);
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

void prefix_index::add_span(std::uint64_t begin, std::uint32_t value) {
    if (spans_.back().begin == begin) {
        spans_.back().value = value; // a prefix begins where another ends
    } else if (spans_.back().value != value) {
        spans_.push_back({begin, value});
    }
}

void prefix_index::build_spans(sorted_entries const& sorted) {
    struct open_prefix {
        std::string_view prefix;
        std::uint32_t value;
        std::uint64_t end; ///< first key after its numbers
    };

    // The open prefixes are nested: each is a prefix of the next. Where the innermost one ends, the
    // numbers belong to the one around it again.
    std::vector<open_prefix> open;
    auto const close = [&] {
        std::uint64_t const end = open.back().end;
        open.pop_back();
        add_span(end, open.empty() ? none : open.back().value);
    };

    // Sorted, a prefix comes before its own extensions, so they are opened and closed like
    // brackets.
    spans_.push_back({0, none});
    for (auto const& [prefix, value] : sorted) {
        while (!open.empty() && !prefix.starts_with(open.back().prefix)) {
            close();
        }

        std::uint64_t const begin = key_of(prefix, 0).key;
        add_span(begin, value);
        if (!prefix.empty()) { // the empty prefix never ends
            std::uint64_t const last_digit = std::uint64_t{1} << (4 * (key_digits - prefix.size()));
            open.push_back({prefix, value, begin + last_digit});
        } else {
            open.push_back({prefix, value, 0});
        }
    }

    while (!open.empty() && !open.back().prefix.empty()) {
        close();
    }
    spans_.shrink_to_fit();
}

void prefix_index::build_table() {
    // About as many cells as spans, so that few spans per cell remain to be searched.
    std::size_t cells = 1;
    while (table_digits_ < table_digits_max && cells < spans_.size()) {
        ++table_digits_;
        cells *= key_base;
    }

    // A cell without a span of its own points to the next span.
    table_.assign(cells + 1, static_cast<std::uint32_t>(spans_.size()));
    for (std::size_t i = spans_.size(); i-- > 0;) {
        table_[lead_of(spans_[i].begin, table_digits_)] = static_cast<std::uint32_t>(i);
    }
    for (std::size_t cell = cells; cell-- > 0;) {
        table_[cell] = std::min(table_[cell], table_[cell + 1]);
    }
}

std::uint32_t prefix_index::walk_to_longest(std::string_view digits) const noexcept {
    if (nodes_.empty()) {
        return none;
    }
    node const* current = nodes_.data();
    std::uint32_t found = current->value;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        unsigned const digit = digit_at(digits, i);
        if (digit > 9 || (current->children >> digit & 1U) == 0) {
            break;
        }

        // Children are contiguous, in the order of their digits: the number of set bits below gives
        // the place.
        unsigned const before = current->children & ((1U << digit) - 1U);
        current = nodes_.data() + current->first_child + std::popcount(before);
        found = current->value == none ? found : current->value;
    }
    return found;
}

std::uint32_t prefix_index::longest(std::string_view digits) const noexcept {
    if (spans_.empty()) {
        return walk_to_longest(digits);
    }
    auto const [key, lead] = key_of(digits, table_digits_);

    // The span of the number begins with the number's leading digits, or is the last one before
    // them. spans_[0] begins at 0, so there is always a span before the bound that is found.
    auto const* const first = spans_.data() + table_[lead];
    auto const* const last = spans_.data() + table_[lead + 1];
    auto const* const next = std::upper_bound(
        first, last, key, [](std::uint64_t k, span_of_numbers const& s) { return k < s.begin; });
    return (next - 1)->value;
}

void prefix_index::all(std::string_view digits, matches& out) const noexcept {
    out.count = 0;
    if (nodes_.empty()) {
        return;
    }

    // Every node on the way whose prefix is stored is a result, the shortest first.
    node const* current = nodes_.data();
    for (std::size_t i = 0;; ++i) {
        if (current->value != none) {
            out.values[out.count] = current->value;
            out.lengths[out.count] = static_cast<std::uint8_t>(i);
            ++out.count;
        }

        // No digit has the value 10, so the end of the number ends the walk.
        unsigned const digit = i < digits.size() ? digit_at(digits, i) : 10;
        if (digit > 9 || (current->children >> digit & 1U) == 0) {
            return;
        }
        unsigned const before = current->children & ((1U << digit) - 1U);
        current = nodes_.data() + current->first_child + std::popcount(before);
    }
}

std::size_t prefix_index::bytes() const noexcept {
    return nodes_.capacity() * sizeof(node) + spans_.capacity() * sizeof(span_of_numbers) +
           table_.capacity() * sizeof(std::uint32_t);
}

} // namespace tally::rating
