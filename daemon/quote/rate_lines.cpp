#include "daemon/quote/rate_lines.hpp"

#include "daemon/quote/json.hpp"

#include <ostream>

namespace tally::daemon {

using ingest::record_error;

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_blank(std::string_view line) noexcept {
    return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

} // namespace

rate_lines::rate_lines(rating::quoter& quoter, std::ostream& out)
    : quoter_{quoter}, reader_{quoter.plan().head().time_zone}, out_{out} {}

void rate_lines::take(std::string_view piece) {
    for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
        keep(piece.substr(0, end));
        end_line();
        piece.remove_prefix(end + 1);
    }

    // The rest waits for its line end in the next piece.
    keep(piece);
}

void rate_lines::finish() {
    end_line();
}

/// Bounds the memory of a line without an end; what is beyond the bound is not kept.
void rate_lines::keep(std::string_view bytes) {
    is_too_long_ = is_too_long_ || line_.size() + bytes.size() > line_bytes_max;
    if (!is_too_long_) {
        line_ += bytes;
    }
}

void rate_lines::end_line() {
    // A byte order mark is only one before the first line.
    std::string_view line = line_;
    if (rated_ + failed_ == 0 && line.starts_with(byte_order_mark)) {
        line.remove_prefix(byte_order_mark.size());
    }

    // An answer also for a line that is not read, so that answers and lines correspond.
    if (is_too_long_) {
        ++failed_;
        out_ << json_of({record_error::record_too_large, {}, "the line is longer than 1 MiB"})
             << '\n';
    } else if (!is_blank(line)) {
        answer(line);
    }
    line_.clear();
    is_too_long_ = false;
}

void rate_lines::answer(std::string_view line) {
    bool is_rated = false;
    out_ << answer_to(reader_.read(line), is_rated) << '\n';
    ++(is_rated ? rated_ : failed_);
}

std::string rate_lines::answer_to(rating::rate_question const& question, bool& is_rated) {
    if (auto const* const call = std::get_if<rating::call_question>(&question)) {
        auto const quoted = quoter_.quote(*call);
        is_rated = quoted.rated.error == record_error::none;
        return json_of(*call, quoted, quoter_.plan());
    }
    if (auto const* const event = std::get_if<rating::usage_question>(&question)) {
        auto const quoted = quoter_.quote(*event);
        is_rated = quoted.fault.error == record_error::none;
        return json_of(*event, quoted, quoter_.plan());
    }
    return json_of(std::get<rating::question_fault>(question));
}

} // namespace tally::daemon
