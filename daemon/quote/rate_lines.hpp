#pragma once

#include "rating/quote/quote.hpp"
#include "rating/quote/rate_question.hpp"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace tally::daemon {

/// Answers each line with a question by a line: `tallyd rate` passes its standard input to it,
/// piece by piece. Keeps at most one incomplete line. One thread.
class rate_lines {
  public:
    /// Bounds the memory of a line without an end. A question has a few hundred bytes.
    static constexpr std::size_t line_bytes_max = 1024 * 1024;

    /// `quoter` and `out` must outlive this object.
    rate_lines(rating::quoter& quoter, std::ostream& out);

    /// Answers every line that ends in this piece. Blank lines are ignored.
    void take(std::string_view piece);
    /// Answers the last line if it has no line end.
    void finish();

    [[nodiscard]] std::uint64_t rated() const noexcept { return rated_; }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }

  private:
    void keep(std::string_view bytes);
    void end_line();
    void answer(std::string_view line);
    [[nodiscard]] std::string answer_to(rating::rate_question const& question, bool& is_rated);

    rating::quoter& quoter_;
    rating::question_reader reader_;
    std::ostream& out_;
    std::string line_; ///< the beginning of a line that has not ended yet
    bool is_too_long_ = false;
    std::uint64_t rated_ = 0;
    std::uint64_t failed_ = 0;
};

} // namespace tally::daemon
