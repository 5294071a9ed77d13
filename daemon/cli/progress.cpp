#include "daemon/cli/progress.hpp"

#include "daemon/cli/table_printer.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace tally::daemon {

namespace {

/// Leaves room for the name and the numbers in a line of 80 columns.
constexpr std::size_t bar_cells = 24;
/// Of a terminal that does not tell its width.
constexpr std::size_t default_columns = 80;
/// To the first column, and all of the line away: the next bar may be shorter.
constexpr auto erase_line = "\r\x1b[K";

/// Of standard error, where progress is shown: standard output may be a pipe.
std::size_t terminal_columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : default_columns;
}

/// 0 to 1; nullopt when the end is unknown.
std::optional<double> fraction_done(progress_state const& state) {
    if (!state.bytes_total) {
        return std::nullopt;
    }

    // An empty file is done, and must not divide by zero.
    if (*state.bytes_total == 0) {
        return 1.0;
    }
    return std::min(1.0, static_cast<double>(state.bytes_done) /
                             static_cast<double>(*state.bytes_total));
}

std::string percent_text(double fraction) {
    return std::to_string(static_cast<int>(fraction * 100)) + "%";
}

/// "0:42 left"; empty while there is too little to estimate from.
std::string left_text(progress_state const& state) {
    auto const fraction = fraction_done(state);
    if (!fraction || *fraction <= 0 || state.elapsed < std::chrono::seconds{1}) {
        return "";
    }

    // Rounded up: "0:00 left" would mean that it is done.
    auto const total = static_cast<double>(state.elapsed.count()) / *fraction;
    auto const left_ms = static_cast<std::int64_t>(total * (1 - *fraction));
    return clock_text(std::chrono::seconds{(left_ms + 999) / 1000}) + " left";
}

std::string bar(double fraction) {
    auto const filled = static_cast<std::size_t>(fraction * bar_cells);
    return "[" + std::string(filled, '#') + std::string(bar_cells - filled, '-') + "]";
}

/// What a job waits for is more important than when it will end, so it takes that place.
std::string counts_text(progress_state const& state) {
    std::string text = grouped(state.records) + " records  " +
                       grouped(records_per_second(state.records, state.elapsed)) + "/s";
    auto const left = state.note.empty() ? left_text(state) : state.note;
    return left.empty() ? text : text + "  " + left;
}

} // namespace

std::string clock_text(std::chrono::seconds time) {
    auto const s = time.count();
    std::array<char, 32> text{};
    if (s >= 3600) {
        std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld",
                      static_cast<long long>(s / 3600), static_cast<long long>(s / 60 % 60),
                      static_cast<long long>(s % 60));
    } else {
        std::snprintf(text.data(), text.size(), "%lld:%02lld", static_cast<long long>(s / 60),
                      static_cast<long long>(s % 60));
    }
    return text.data();
}

std::uint64_t records_per_second(std::uint64_t records, std::chrono::milliseconds elapsed) {
    auto const ms = static_cast<std::uint64_t>(elapsed.count());
    return ms == 0 ? 0 : records * 1000 / ms;
}

std::string progress_bar_line(progress_state const& state, std::size_t columns) {
    auto const fraction = fraction_done(state);
    std::string line = printable(state.label) + "  ";
    if (fraction) {
        line += bar(*fraction) + "  " + percent_text(*fraction) + "  ";
    }
    line += counts_text(state);

    // A line that fills the last column would wrap, and erase_line would leave its first half.
    if (line.size() >= columns) {
        std::size_t end = columns > 0 ? columns - 1 : 0;
        while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) {
            --end; // never cut inside a UTF-8 character
        }
        line.resize(end);
    }
    return line;
}

std::string progress_plain_line(progress_state const& state) {
    auto const fraction = fraction_done(state);
    return printable(state.label) + ": " + (fraction ? percent_text(*fraction) + "  " : "") +
           counts_text(state);
}

progress progress::on_standard_error() {
    return {std::cerr, isatty(STDERR_FILENO) == 1, terminal_columns()};
}

progress::progress(std::ostream& out, bool is_terminal, std::size_t columns,
                   std::function<clock::time_point()> now)
    : out_{&out}, is_terminal_{is_terminal}, columns_{columns}, now_{std::move(now)},
      next_{now_() + (is_terminal ? bar_interval : line_interval)} {}

void progress::show(progress_state const& state) {
    // Callers report after every piece, so most calls end here.
    auto const now = now_();
    if (now < next_) {
        return;
    }
    next_ = now + (is_terminal_ ? bar_interval : line_interval);
    if (is_terminal_) {
        *out_ << erase_line << progress_bar_line(state, columns_) << std::flush;
        is_drawn_ = true;
    } else {
        *out_ << progress_plain_line(state) << std::endl;
    }
}

void progress::clear() {
    if (std::exchange(is_drawn_, false)) {
        *out_ << erase_line << std::flush;
    }
}

} // namespace tally::daemon
