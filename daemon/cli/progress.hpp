#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace tally::daemon {

/// How far something with records has come.
struct progress_state {
    std::string label;                        ///< the file
    std::uint64_t records = 0;                ///< read so far
    std::uint64_t bytes_done = 0;             ///< of what is on disk
    std::optional<std::uint64_t> bytes_total; ///< nullopt: unknown (a pipe)
    std::chrono::milliseconds elapsed{0};
    std::string note; ///< what it is waiting for, or empty
};

/// A bar for a terminal, at most `columns` wide:
/// "calls.csv  [######------]  50%  1,234,567 records  250,000/s  0:42 left".
std::string progress_bar_line(progress_state const& state, std::size_t columns);
/// The same in words for a log.
std::string progress_plain_line(progress_state const& state);

/// "0:42", "12:05", "1:02:03".
std::string clock_text(std::chrono::seconds time);
/// Records per second; 0 before anything can be said.
std::uint64_t records_per_second(std::uint64_t records, std::chrono::milliseconds elapsed);

/// Shows progress on a stream: a bar that is drawn again five times a second on a terminal, else a
/// line every five seconds. May be asked as often as one likes. One thread.
class progress {
  public:
    using clock = std::chrono::steady_clock;

    /// On standard error, as a bar when that is a terminal.
    static progress on_standard_error();
    progress(std::ostream& out, bool is_terminal, std::size_t columns,
             std::function<clock::time_point()> now = clock::now);

    void show(progress_state const& state);
    /// Takes the bar off the terminal, so that other lines can be written.
    void clear();

  private:
    static constexpr std::chrono::milliseconds bar_interval{200};
    static constexpr std::chrono::milliseconds line_interval{5000};

    std::ostream* out_;
    bool is_terminal_;
    std::size_t columns_;
    std::function<clock::time_point()> now_;
    clock::time_point next_; ///< nothing is shown before
    bool is_drawn_ = false;
};

} // namespace tally::daemon
