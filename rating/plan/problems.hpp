#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// A problem in a plan file or deck, with its position. Lines and columns count from 1.
struct plan_problem {
    std::string file;
    std::int64_t line = 0; ///< 0: the file as a whole
    std::int64_t column = 0;
    std::string text;
};

/// A position in the files of a plan: the file by its number, line and column from 1.
struct plan_location {
    std::uint32_t file = 0;
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    friend auto operator<=>(plan_location const&, plan_location const&) = default;
};

/// Collects the problems in a plan file and its decks. A deck of the wrong kind has a problem in
/// every row, so only the first ones are kept; all are counted.
class plan_problems {
  public:
    static constexpr std::size_t kept_max = 100;

    /// Adds a file and gives its number, for positions in it.
    std::uint32_t add_file(std::string_view name);
    void add(plan_location position, std::string words);
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// "line 7", or "deck.csv:7" when that is another file than that of `seen_from`. Used in a
    /// message about one position that refers to another.
    [[nodiscard]] std::string text_of(plan_location position, plan_location seen_from) const;
    /// All problems in the order of the files; the last entry counts those that were not kept.
    [[nodiscard]] std::vector<plan_problem> take();

  private:
    struct entry {
        plan_location location;
        std::string text;
    };
    std::vector<std::string> files_;
    std::vector<entry> kept_;
    std::size_t count_ = 0;
};

} // namespace tally::rating
