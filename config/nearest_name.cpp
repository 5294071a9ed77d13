#include "config/nearest_name.hpp"

#include <algorithm>
#include <vector>

namespace tally::config {
namespace {

/// A longer name is not a mistyped setting. The limit bounds the work on hostile input.
constexpr std::size_t name_characters_max = 64;

/// The optimal string alignment distance: Levenshtein's, but a swap of neighbors counts once. The
/// three rows are those of the usual table: the one before last, the last one, and the current one.
std::size_t edits_between(std::string_view a, std::string_view b) {
    // The distance to the empty text is the length: the first row, and the first column below.
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }

    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            // Two neighbors that were swapped, as in "lnaes".
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

} // namespace

std::string_view nearest_name(std::string_view mistyped,
                              std::span<std::string_view const> candidates) {
    if (mistyped.size() > name_characters_max) {
        return {};
    }

    // At most one edit for three characters, and at least one: a name that is further away is not
    // meant.
    std::string_view best;
    auto fewest = std::max<std::size_t>(mistyped.size() / 3, 1) + 1;
    for (auto const candidate : candidates) {
        auto const edits = edits_between(mistyped, candidate);
        if (edits < fewest) {
            fewest = edits;
            best = candidate;
        }
    }
    return best;
}

} // namespace tally::config
