#include "tests/daemon/end_to_end/journal_end_to_end.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <unistd.h>

// The journal on a disk that hangs or is full, by a library that is preloaded into the daemon.

namespace tally {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::call;
using tests::calls;

class bad_disk : public tests::journal_end_to_end {
  protected:
    static constexpr int hang = 255; ///< see failing_disk.cpp

    bad_disk() {
        std::ofstream{disk()} << '\0';
        environment_["LD_PRELOAD"] = TALLY_CRASH_DISK;
        environment_["TALLY_CRASH_DISK"] = disk();
        environment_["TALLY_CRASH_FOLDER"] = (folder_ / "journal").string();
    }
    std::string disk() const { return (folder_ / "disk").string(); }
    /// The result of writes from now on: 0, an errno, or `hang`.
    void set_disk(int error) const {
        // Written in place, since the daemon has mapped the file.
        int const file = ::open(disk().c_str(), O_WRONLY | O_CLOEXEC);
        auto const byte = static_cast<char>(error);
        EXPECT_EQ(::pwrite(file, &byte, 1, 0), 1);
        ::close(file);
    }
    /// Waits until the answer of the admin port has this text. Returns the last answer.
    static tests::http_answer wait_for(tests::daemon_process const& daemon,
                                       std::string const& target, std::string const& text) {
        tests::http_answer answer;
        for (int tries = 0; tries < 1800; ++tries) {
            answer = tests::http_request(daemon.admin_port(), "GET", target);
            if (answer.body.find(text) != std::string::npos) {
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        return answer;
    }
    /// Whether the daemon logs this text, in time.
    static bool logs(tests::daemon_process const& daemon, std::string const& text) {
        for (int tries = 0; tries < 200; ++tries) {
            if (daemon.log().find(text) != std::string::npos) {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        return false;
    }
    /// Waits until the journal's folder has so many segments. Returns their number.
    std::size_t wait_segments(std::size_t wanted) const {
        for (int tries = 0; tries < 400 && segments().size() != wanted; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        return segments().size();
    }
};

TEST_F(bad_disk, a_disk_that_hangs_makes_its_part_stand_still_and_a_blocked_table_does_not) {
    environment_["TALLYD_LANES"] = "1";
    environment_["TALLYD_HTTP_COMMIT_TIMEOUT_MS"] = "300000";
    auto const daemon = start();
    auto blocked = std::make_unique<blockade>(connection_);
    ASSERT_EQ(push(*daemon, call(0)), 202U);
    set_disk(hang);
    auto late = std::async(std::launch::async, [&daemon] { return push(*daemon, call(1)); });

    auto const ready = wait_for(*daemon, "/readyz", "standing_still");
    EXPECT_EQ(ready.status, 503U);
    EXPECT_THAT(ready.body,
                AllOf(HasSubstr(R"("part":"journal writer")"), Not(HasSubstr("lane 0"))));
    auto const status = wait_for(*daemon, "/status", "waiting_for_database").body;
    EXPECT_THAT(status, HasSubstr("lane 0"));
    constexpr auto metric = "tally_part_standing_still_seconds{part=\"journal writer\"} 3";
    EXPECT_THAT(wait_for(*daemon, "/metrics", metric).body, HasSubstr(metric));

    // All goes on where it stood.
    set_disk(0);
    blocked.reset();
    EXPECT_EQ(late.get(), 202U);
    EXPECT_TRUE(daemon->wait_ready());
    EXPECT_EQ(push(*daemon, call(2)), 202U);
    EXPECT_EQ(wait_stored("3"), "3");
    EXPECT_TRUE(logs(*daemon, "event=part_stands_still part=\"journal writer\""));
    EXPECT_TRUE(logs(*daemon, "event=part_goes_on part=\"journal writer\""));
}

// Two earlier runs have left stored segments, which are kept for a database that goes back.
TEST_F(bad_disk, a_full_disk_takes_the_oldest_stream_that_is_kept_and_no_other) {
    environment_["TALLYD_JOURNAL_RETAIN_S"] = "3600";
    for (int run = 0; run < 2; ++run) {
        auto const daemon = start();
        ASSERT_EQ(push(*daemon, calls(10 * run, 10 * run + 10)), 202U);
        daemon->send(SIGTERM);
        ASSERT_EQ(daemon->wait(), 0);
    }
    auto const kept = segments();
    ASSERT_EQ(kept.size(), 2U);

    auto const daemon = start();
    ASSERT_EQ(wait_for(*daemon, "/status", R"("journal":{)").status, 200U);
    set_disk(ENOSPC);
    for (int tries = 0; tries < 100 && segments().size() == 2; ++tries) {
        ASSERT_EQ(push(*daemon, calls(20, 30)), 503U);
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
    }
    EXPECT_EQ(segments(), std::vector{std::max(kept[0], kept[1])});
    set_disk(0);
    EXPECT_EQ(push(*daemon, calls(20, 30)), 202U);
    EXPECT_EQ(wait_segments(2), 2U);
    EXPECT_EQ(wait_stored("30"), "30");
}

} // namespace
} // namespace tally
