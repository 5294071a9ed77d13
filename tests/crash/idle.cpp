#include "tests/crash/idle.hpp"

#include "storage/postgres/sql_session.hpp"
#include "tests/crash/repeatable_random.hpp"
#include "tests/crash/verification.hpp"
#include "tests/support/billing_fixture.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

namespace tally::crash {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr std::uint64_t mib = 1 << 20;
constexpr std::chrono::seconds patience{60};

/// Tables that a batch or a position writes to.
constexpr std::array tables{
    "billing.subscription_usage",
    "billing.cdrs",
    "billing.accounts",
    "analytics.usage_aggregates_daily",
    "ingest.positions",
    "ingest.batches",
    "ingest.suspense",
};

/// Keeps all others from a table during its lifetime.
class blockade {
  public:
    blockade(std::string const& database, std::string const& table)
        : session_{database, "blockade"} {
        session_.execute("SET idle_in_transaction_session_timeout = 0");
        session_.execute("BEGIN; LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE");
    }

  private:
    storage::sql_session session_;
};

struct idle_scene {
    test_bed& bed;
    load& pushes;
    repeatable_random& random;
    double seconds; ///< of a blockade
    std::string story;
    std::vector<std::string> findings;

    void wait(std::uint64_t from_ms, std::uint64_t to_ms) {
        std::this_thread::sleep_for(milliseconds{random.between(from_ms, to_ms)});
    }
    void start() {
        bed.start(0, {.lanes = static_cast<unsigned>(random.between(1, 4))}, pushes);
        if (!bed.daemon(0).wait_ready(patience)) {
            findings.push_back("the daemon is not ready: " + bed.daemon(0).log());
        }
    }
    void send(std::size_t blank_bytes = 0) {
        if (!pushes.send_next(blank_bytes)) {
            findings.emplace_back("a push is not acknowledged");
        }
    }
    /// After SIGTERM: the daemon stores everything and leaves nothing.
    void expect_drained(int code) {
        if (code != 0 || bed.segments(0) != 0) {
            findings.push_back("the daemon ended with " + std::to_string(code) + " and " +
                               std::to_string(bed.segments(0)) + " segments in its journal");
        }
    }
    void stop() { expect_drained(bed.stop(0, pushes)); }
};

/// Each push is stored before the next one comes; a segment is full after a few of them.
void rest_between_pushes(idle_scene& target) {
    auto const rounds = std::max(2, static_cast<int>(target.seconds / 3));
    for (int round = 0; round < rounds; ++round) {
        target.start();
        for (int i = 0; i < 15; ++i) {
            target.send(20'000);
            target.wait(20, 200);
        }
        if (round + 1 < rounds && target.random.one_in(2)) {
            target.bed.kill(0, target.pushes);
        } else {
            target.stop();
        }
    }
    target.story = std::to_string(rounds) + " runs";
}

/// Pushes of some MB: every few of them begin a segment, when all before it is stored and released.
void roll_over_at_rest(idle_scene& target) {
    auto const pushes = std::max(15, static_cast<int>(target.seconds * 3));
    target.start();
    for (int i = 0; i < pushes; ++i) {
        target.send(target.random.between(1, 6) * mib);
        target.wait(50, 400);
    }
    target.stop();
    target.story = std::to_string(pushes) + " pushes of 1 to 6 MiB";
}

/// Very many blocks are under way, each of one record.
void push_singles(idle_scene& target) {
    target.start();
    {
        blockade const blocked{target.bed.database(), "billing.subscription_usage"};
        target.pushes.send_for(milliseconds{static_cast<std::int64_t>(target.seconds * 1000)}, 4);
    }
    target.story = std::to_string(target.pushes.acknowledged()) + " pushes of one record in " +
                   std::to_string(static_cast<int>(target.seconds)) + " s";
    target.stop();
}

/// A table is blocked when SIGTERM arrives, and in every other case still when SIGKILL does.
void stop_while_blocked(idle_scene& target) {
    bool is_killed = false;
    for (auto const* table : tables) {
        target.start();
        std::optional<blockade> blocked{std::in_place, target.bed.database(), table};
        for (int i = 0; i < 20; ++i) {
            target.send();
        }
        target.bed.send(0, SIGTERM);
        target.wait(0, static_cast<std::uint64_t>(target.seconds * 1000 / 4));
        if (is_killed) {
            target.bed.kill(0, target.pushes);
        }
        blocked.reset();
        if (!is_killed) {
            target.expect_drained(target.bed.wait(0, target.pushes));
        }
        is_killed = !is_killed;
    }
    target.start();
    target.stop();
    target.story = std::to_string(tables.size()) + " tables";
}

struct schedule {
    char const* name;
    void (*happen)(idle_scene&);
    std::uint64_t calls_max;
    std::uint64_t journal_bytes; ///< an eighth of it is a segment
};

constexpr std::array schedules{
    schedule{"rest", rest_between_pushes, sample_push::numbers, mib},
    schedule{"roll-over", roll_over_at_rest, sample_push::numbers, 64 * mib},
    schedule{"singles", push_singles, 1, 0},
    schedule{"stop-blocked", stop_while_blocked, sample_push::numbers, 0},
};

std::vector<std::string> run_schedule(schedule const& chosen, idle_options const& settings,
                                      bed_options options) {
    auto const began = clock::now();
    options.folder /= chosen.name;
    std::filesystem::create_directory(options.folder);
    options.journal_bytes = chosen.journal_bytes;
    test_bed bed{options};
    load pushes{settings.seed, 0};
    pushes.set_calls_max(chosen.calls_max);
    repeatable_random random{settings.seed};
    idle_scene target{bed, pushes, random, settings.seconds, {}, {}};
    chosen.happen(target);

    verification check{bed.database(), settings.seed};
    auto const found = check.check(pushes);
    target.findings.insert(target.findings.end(), found.begin(), found.end());
    std::printf("%-13s %llu pushes acknowledged, %llu records stored, %.1f s: %s\n", chosen.name,
                static_cast<unsigned long long>(pushes.acknowledged()),
                static_cast<unsigned long long>(check.stored()),
                std::chrono::duration<double>(clock::now() - began).count(), target.story.c_str());
    return target.findings;
}

} // namespace

bool run_idle(idle_options const& settings, bed_options const& options) {
    bool is_right = true;
    for (auto const& chosen : schedules) {
        for (auto const& finding : run_schedule(chosen, settings, options)) {
            std::printf("  WRONG: %s\n", finding.c_str());
            is_right = false;
        }
    }
    return is_right;
}

} // namespace tally::crash
