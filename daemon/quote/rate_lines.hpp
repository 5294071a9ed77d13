#pragma once

#include "rating/quote/quote.hpp"
#include "rating/quote/rate_question.hpp"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace tally::daemon {

/// Answers lines of questions, each with a line: what `tallyd rate` does with its standard input,
/// which it hands over in pieces as they come. Keeps no more than one line. One thread.
class rate_lines {
  public:
    /// A question has some hundred bytes; this bounds what a line without an end takes.
    static constexpr std::size_t line_bytes_max = 1024 * 1024;

    /// Both must outlive it.
    rate_lines(rating::quoter& by, std::ostream& out);

    /// Answers every line that ends in this piece. Blank lines are passed over.
    void take(std::string_view piece);
    /// Answers a last line without a line end.
    void finish();

    [[nodiscard]] std::uint64_t rated() const noexcept { return rated_; }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }

  private:
    void keep(std::string_view bytes);
    void end_line();
    void answer(std::string_view line);
    [[nodiscard]] std::string answer_to(rating::rate_question const& question, bool& is_rated);

    rating::quoter& by_;
    rating::question_reader reader_;
    std::ostream& out_;
    std::string line_; ///< what there is of a line that has not ended yet
    bool is_too_long_ = false;
    std::uint64_t rated_ = 0;
    std::uint64_t failed_ = 0;
};

} // namespace tally::daemon
