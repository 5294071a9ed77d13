#include "tests/crash/standby.hpp"

#include "tests/crash/repeatable_random.hpp"
#include "tests/crash/replicated_servers.hpp"
#include "tests/crash/verification.hpp"
#include "tests/support/billing_fixture.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

namespace tally::crash {

namespace {

using clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{60};
constexpr unsigned senders = 3;
/// How far a standby is behind, in pushes of about 25 records.
constexpr std::uint64_t pushes_behind_min = 100;

struct failover_kind {
    char const* name;
    bool kills_daemon;
    bool comes_twice; ///< the standby of the promoted standby is promoted soon after it
};

constexpr std::array kinds{
    failover_kind{"promote", false, false},
    failover_kind{"promote-and-kill", true, false},
    failover_kind{"promote-twice", false, true},
    failover_kind{"twice-and-kill", true, true},
};

struct standby_scene {
    test_bed& bed;
    replicated_servers& servers;
    repeatable_random& random;
    load pushes;
    std::string story;
    std::vector<std::string> findings;
    std::uint64_t lost = 0; ///< calls that the promoted servers lacked

    void tell(std::string const& text) { story += (story.empty() ? "" : ", ") + text; }
    std::uint64_t wait(std::uint64_t from_ms, std::uint64_t to_ms) {
        auto const time = random.between(from_ms, to_ms);
        std::this_thread::sleep_for(std::chrono::milliseconds{time});
        return time;
    }
    void expect_acknowledged(std::uint64_t more) {
        if (!pushes.wait_acknowledged(more, patience)) {
            findings.emplace_back("nothing is acknowledged");
        }
    }
};

std::uint64_t calls_of(std::string const& server) {
    return std::stoull(tests::query_one(server, "SELECT count(*) FROM billing.cdrs"));
}

/// Waits until the primary has stored so many calls that the standby lacks. Returns their number.
std::uint64_t fall_behind(standby_scene& target, std::size_t standby) {
    auto& servers = target.servers;
    servers.hold_back(standby);
    target.expect_acknowledged(target.random.between(pushes_behind_min, 3 * pushes_behind_min));
    auto const held = calls_of(servers.connection_string(standby));
    auto const deadline = clock::now() + patience;
    auto stored = calls_of(servers.connection_string());
    while (stored < held + pushes_behind_min && clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
        stored = calls_of(servers.connection_string());
    }
    if (stored < held + pushes_behind_min) {
        target.findings.emplace_back("the primary stores nothing");
    }
    return stored - held;
}

/// The primary dies, and what it alone had is lost.
void fail_over(standby_scene& target, std::size_t standby, std::uint64_t behind) {
    bool const at_once = target.random.one_in(2);
    target.servers.end_primary(at_once ? SIGKILL : SIGQUIT);
    auto const away = target.wait(0, 400);
    target.servers.promote(standby);
    target.lost += behind;
    target.tell(std::string{at_once ? "primary killed" : "primary shut down at once"} +
                ", standby promoted after " + std::to_string(away) + " ms without " +
                std::to_string(behind) + " calls");
}

void happen(standby_scene& target, failover_kind const& kind) {
    auto const first = (target.servers.primary() + 1) % replicated_servers::servers_max;
    auto const second = (target.servers.primary() + 2) % replicated_servers::servers_max;

    // The last in the row stops first, so that each promotion goes further back than the other.
    auto const more = kind.comes_twice ? fall_behind(target, second) : 0;
    auto const behind = fall_behind(target, first);

    if (kind.kills_daemon) {
        target.bed.kill(0, target.pushes);
        target.tell("daemon killed");
    }
    fail_over(target, first, behind);
    if (kind.kills_daemon) {
        target.bed.start(0, {.lanes = static_cast<unsigned>(target.random.between(1, 4))},
                         target.pushes);
    }
    if (kind.comes_twice) {
        target.wait(0, 3000);
        fail_over(target, second, more);
    }
}

/// A daemon that was not killed has to notice by itself.
void expect_noticed(standby_scene& target) {
    auto const deadline = clock::now() + patience;
    auto const is_noticed = [&] {
        return target.bed.daemon(0).log().find("event=database_went_back") != std::string::npos;
    };
    while (!is_noticed() && clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    if (!is_noticed()) {
        target.findings.emplace_back("the daemon did not notice that the database went back");
    }
}

void settle(standby_scene& target) {
    auto& daemon = target.bed.daemon(0);
    if (!daemon.wait_ready(patience)) {
        target.findings.push_back("the daemon is not ready: " + daemon.log());
    }
    if (int const code = target.bed.stop(0, target.pushes); code != 0) {
        target.findings.push_back("the daemon ended with " + std::to_string(code));
    }
}

void run_round(standby_scene& target, failover_kind const& kind) {
    auto const first = (target.servers.primary() + 1) % replicated_servers::servers_max;
    auto const second = (target.servers.primary() + 2) % replicated_servers::servers_max;
    target.servers.follow(first, target.servers.primary());
    if (kind.comes_twice) {
        target.servers.follow(second, first);
    }

    target.bed.start(0, {.lanes = static_cast<unsigned>(target.random.between(1, 4))},
                     target.pushes);
    target.pushes.start(senders);
    target.expect_acknowledged(10);
    happen(target, kind);
    target.expect_acknowledged(10);
    target.wait(100, 1000);
    target.pushes.stop();
    if (!kind.kills_daemon) {
        expect_noticed(target);
    }
    settle(target);
}

void print(std::uint64_t round, failover_kind const& kind, standby_scene const& target,
           clock::duration took) {
    std::printf(
        "round %3llu  %-17s %llu of %zu pushes acknowledged, %llu calls lost by the servers, "
        "%.1f s: %s\n",
        static_cast<unsigned long long>(round), kind.name,
        static_cast<unsigned long long>(target.pushes.acknowledged()), target.pushes.fates().size(),
        static_cast<unsigned long long>(target.lost), std::chrono::duration<double>(took).count(),
        target.story.c_str());
    for (auto const& finding : target.findings) {
        std::printf("  WRONG: %s\n", finding.c_str());
    }
}

} // namespace

bool run_standby(standby_options const& settings, bed_options const& options) {
    repeatable_random random{settings.seed};
    replicated_servers servers{options.folder};
    auto placed = options;
    placed.database = servers.connection_string();
    placed.retains = true; // what was stored is the only copy of what a standby lacks
    test_bed bed{placed};
    verification check{bed.database(), settings.seed};
    std::uint64_t index = 0;
    for (std::uint64_t round = 1; round <= settings.rounds; ++round) {
        auto const began = clock::now();
        auto const& kind = kinds[(round - 1) % kinds.size()];
        standby_scene target{bed, servers, random, {settings.seed, index}, {}, {}};
        run_round(target, kind);
        auto const found = check.check(target.pushes);
        target.findings.insert(target.findings.end(), found.begin(), found.end());
        index += target.pushes.fates().size();
        print(round, kind, target, clock::now() - began);
        if (!target.findings.empty()) {
            return false;
        }
    }
    std::printf("%llu calls, %s in all, to the last digit\n",
                static_cast<unsigned long long>(check.totals().calls()),
                text_of(check.totals().cost()).c_str());
    return true;
}

} // namespace tally::crash
