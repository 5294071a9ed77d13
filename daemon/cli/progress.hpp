#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace tally::daemon {

/// The progress of a job that works through records.
struct progress_state {
    std::string label;                        ///< the file's name
    std::uint64_t records = 0;                ///< read so far
    std::uint64_t bytes_done = 0;             ///< of the file as it is on disk (compressed)
    std::optional<std::uint64_t> bytes_total; ///< nullopt: unknown (a pipe)
    std::chrono::milliseconds elapsed{0};
    std::string note; ///< what the job waits for; empty: nothing
};

/// A bar for a terminal, at most `columns` wide:
/// "calls.csv  [######------]  50%  1,234,567 records  250,000/s  0:42 left".
std::string progress_bar_line(progress_state const& state, std::size_t columns);
/// The same without a bar, for a log.
std::string progress_plain_line(progress_state const& state);

/// "0:42", "12:05", "1:02:03".
std::string clock_text(std::chrono::seconds time);
/// Records per second; 0 before the first millisecond is over.
std::uint64_t records_per_second(std::uint64_t records, std::chrono::milliseconds elapsed);

/// Shows progress on a stream: on a terminal a bar that is redrawn five times a second, else a line
/// every five seconds. show() may be called far more often. One thread.
class progress {
  public:
    using clock = std::chrono::steady_clock;

    /// On standard error, as a bar when that is a terminal.
    static progress on_standard_error();
    progress(std::ostream& out, bool is_terminal, std::size_t columns,
             std::function<clock::time_point()> now = clock::now);

    void show(progress_state const& state);
    /// Erases the bar from the terminal, so that other lines can be written.
    void clear();

  private:
    static constexpr std::chrono::milliseconds bar_interval{200};
    static constexpr std::chrono::milliseconds line_interval{5000};

    std::ostream* out_;
    bool is_terminal_;
    std::size_t columns_;
    std::function<clock::time_point()> now_;
    clock::time_point next_; ///< show() draws nothing before this time
    bool is_drawn_ = false;
};

} // namespace tally::daemon
