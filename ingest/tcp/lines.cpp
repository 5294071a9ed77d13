#include "ingest/tcp/lines.hpp"

#include "ingest/text/trim.hpp"

#include <algorithm>

namespace tally::ingest {

void tcp_lines::append(std::string_view bytes) {
    // The rest of a line that was over the limit is not even stored.
    if (skipping_) {
        auto const end = bytes.find('\n');
        if (end == std::string_view::npos) {
            return;
        }
        bytes.remove_prefix(end + 1);
        skipping_ = false;
    }
    compact();
    bytes_.append(bytes);
}

/// Moves the unread bytes to the front once half of the buffer is read, so that each byte moves
/// once on average.
void tcp_lines::compact() {
    if (begin_ != 0 && begin_ * 2 >= bytes_.size()) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
}

void tcp_lines::skip_blank_lines() noexcept {
    // A blank line is no record and has no number.
    while (begin_ < bytes_.size() && scanned_ == 0) {
        auto const end = bytes_.find('\n', begin_);
        if (end == std::string::npos ||
            !trimmed(std::string_view{bytes_}.substr(begin_, end - begin_)).empty()) {
            return;
        }
        begin_ = end + 1;
    }
}

tcp_lines::piece tcp_lines::next(std::size_t bytes_max, std::uint32_t lines_max) {
    skip_blank_lines();

    // Collect whole lines until a limit is reached. A line over the limit is a piece of its own.
    std::string_view const rest = std::string_view{bytes_}.substr(begin_);
    piece out;
    std::size_t end = 0;
    while (end < rest.size() && (out.lines == 0 || (end < bytes_max && out.lines < lines_max))) {
        auto const line_end = rest.find('\n', std::max(end, scanned_));
        bool const is_whole = line_end != rest.npos;
        if (!is_whole && !ended_) {
            break;
        }

        // At the end of the input, the text after the last line end is a line too.
        std::size_t const next = is_whole ? line_end + 1 : rest.size();
        std::string_view const line = trimmed(rest.substr(end, next - end));
        if (line.size() > line_bytes_max_) {
            if (out.lines != 0) {
                break; // its own piece, at the next call
            }
            begin_ += next;
            scanned_ = 0;
            return {found::too_long, {}, 1};
        }

        // Blank lines go along: the decoder passes over them as well.
        out.lines += line.empty() ? 0 : 1;
        end = next;
        scanned_ = 0;
    }

    // No whole line: remember how far the search came, so that no byte of a long line is searched
    // twice.
    if (out.lines == 0) {
        begin_ += end; // blank lines
        scanned_ = rest.size() - end;
        return pass_over(rest.substr(end));
    }

    begin_ += end;
    out.kind = found::lines;
    out.text = rest.substr(0, end);
    return out;
}

/// A line that exceeds the limit before its end has come is reported now, and the rest of it is
/// dropped as it comes.
tcp_lines::piece tcp_lines::pass_over(std::string_view rest) {
    if (rest.size() <= line_bytes_max_) {
        return {};
    }
    bytes_.clear();
    begin_ = 0;
    scanned_ = 0;
    skipping_ = true;
    return {found::too_long, {}, 1};
}

} // namespace tally::ingest
