#include "daemon/cli/progress.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;

progress_state half_way() {
    return {.label = "calls.csv",
            .records = 2'500'000,
            .bytes_done = 500,
            .bytes_total = 1000,
            .elapsed = 10s,
            .note = ""};
}

TEST(progress_bar_line, shows_records_rate_percent_and_time_left) {
    EXPECT_EQ(
        progress_bar_line(half_way(), 200),
        "calls.csv  [############------------]  50%  2,500,000 records  250,000/s  0:10 left");
}

TEST(progress_bar_line, does_without_an_end_for_a_pipe) {
    auto state = half_way();
    state.bytes_total.reset();
    EXPECT_EQ(progress_bar_line(state, 200), "calls.csv  2,500,000 records  250,000/s");
}

TEST(progress_bar_line, says_what_it_waits_for) {
    auto state = half_way();
    state.note = "waiting for the database";
    EXPECT_TRUE(progress_bar_line(state, 200).ends_with("/s  waiting for the database"));
}

TEST(progress_bar_line, stays_within_the_terminal_and_within_characters) {
    auto state = half_way();
    state.label = "Zürich.csv";
    for (std::size_t columns = 0; columns < 120; ++columns) {
        auto const line = progress_bar_line(state, columns);
        EXPECT_LE(line.size(), columns);
        EXPECT_TRUE(line.empty() || line.back() != '\xc3') << line;
    }
}

TEST(progress_bar_line, is_never_beyond_the_end) {
    auto state = half_way();
    state.bytes_done = 2000;
    EXPECT_NE(progress_bar_line(state, 200).find("] 100%") == std::string::npos
                  ? progress_bar_line(state, 200).find("]  100%")
                  : 0,
              std::string::npos);
    state.bytes_total = 0;
    state.elapsed = 0ms;
    EXPECT_NE(progress_bar_line(state, 200).find("100%"), std::string::npos);
}

TEST(clock_text, counts_hours_only_when_there_are_some) {
    EXPECT_EQ(clock_text(0s), "0:00");
    EXPECT_EQ(clock_text(42s), "0:42");
    EXPECT_EQ(clock_text(725s), "12:05");
    EXPECT_EQ(clock_text(3723s), "1:02:03");
}

/// A clock that the test advances.
struct manual_clock {
    std::shared_ptr<progress::clock::time_point> now =
        std::make_shared<progress::clock::time_point>();
    std::function<progress::clock::time_point()> read() const {
        return [at = now] { return *at; };
    }
};

TEST(progress, draws_the_bar_again_five_times_a_second_at_most) {
    std::ostringstream out;
    manual_clock const clock;
    progress shown{out, true, 80, clock.read()};
    int drawn = 0;
    for (int i = 0; i < 100; ++i) {
        *clock.now += 10ms;
        auto const before = out.str().size();
        shown.show(half_way());
        drawn += out.str().size() > before ? 1 : 0;
    }
    EXPECT_EQ(drawn, 5);
    EXPECT_EQ(out.str().find('\n'), std::string::npos);
    shown.clear();
    EXPECT_TRUE(out.str().ends_with("\r\x1b[K"));
}

TEST(progress, writes_a_line_every_five_seconds_for_a_log) {
    std::ostringstream out;
    manual_clock const clock;
    progress shown{out, false, 80, clock.read()};
    for (int i = 0; i < 110; ++i) {
        *clock.now += 100ms;
        shown.show(half_way());
    }
    std::string const line = "calls.csv: 50%  2,500,000 records  250,000/s  0:10 left\n";
    EXPECT_EQ(out.str(), line + line);
    shown.clear();
    EXPECT_EQ(out.str(), line + line);
}

} // namespace
} // namespace tally::daemon
