#include "tests/crash/rounds.hpp"

#include "tests/crash/failure.hpp"
#include "tests/crash/verification.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace tally::crash {

namespace {

using clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{30};

/// The failures in the order in which they are injected: all of them once, then again.
class failure_deck {
  public:
    explicit failure_deck(std::string const& only) {
        for (auto const& kind : failure_kinds()) {
            if (only.empty() || kind.name == only) {
                kinds_.push_back(&kind);
            }
        }
        if (kinds_.empty()) {
            throw std::runtime_error{"there is no failure '" + only + "'"};
        }
    }
    failure_kind const& draw(repeatable_random& random) {
        if (left_.empty()) {
            left_ = kinds_;
        }
        auto const chosen = left_.begin() + static_cast<std::ptrdiff_t>(random.below(left_.size()));
        auto const& kind = **chosen;
        left_.erase(chosen);
        return kind;
    }

  private:
    std::vector<failure_kind const*> kinds_;
    std::vector<failure_kind const*> left_;
};

struct round_report {
    std::string story;
    std::vector<std::string> findings;
    std::uint64_t pushes = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t stored = 0;
};

/// Brings all that the daemons hold into the database, sometimes after another kill.
void settle(scene& target, std::vector<std::string>& findings) {
    for (std::size_t daemon = 0; daemon < load::daemons_max; ++daemon) {
        if (!target.bed.is_running(daemon)) {
            continue;
        }
        if (target.random.one_in(3)) {
            target.bed.kill(daemon, target.pushes);
            target.bed.start(daemon, target.any_lanes(), target.pushes);
            target.tell("daemon " + std::to_string(daemon) + " killed at the end");
        }
        if (!target.bed.daemon(daemon).wait_ready(patience)) {
            findings.push_back("the daemon is not ready: " + target.bed.daemon(daemon).log());
        }
        if (int const code = target.bed.stop(daemon, target.pushes); code != 0) {
            findings.push_back("the daemon ended with " + std::to_string(code));
        }
        if (target.bed.segments(daemon) != 0) {
            findings.push_back("the journal is not empty after SIGTERM");
        }
    }
}

round_report run_round(test_bed& bed, failure_kind const& kind, std::uint64_t seed,
                       std::uint64_t first_index, repeatable_random& random, verification& check) {
    round_report report;
    load pushes{seed, first_index};
    std::string finding;
    daemon_plan const plan{.through_proxy = kind.needs_proxy,
                           .on_failing_disk = kind.needs_failing_disk};
    scene target{bed,  pushes,       random, plan, kind.needs_two_daemons || random.one_in(4),
                 seed, report.story, finding};
    bed.start(0, target.any_lanes(), pushes);
    if (target.has_two_daemons) {
        bed.start(1, target.any_lanes(), pushes);
        target.tell("two daemons");
    }
    pushes.start(3);
    if (!pushes.wait_acknowledged(10, patience)) {
        report.findings.push_back("nothing is acknowledged: " + bed.daemon(0).log());
    }
    target.wait(0, 500);
    kind.happen(target);
    target.wait(100, 500);
    pushes.stop();
    if (!finding.empty()) {
        report.findings.push_back(finding);
    }
    settle(target, report.findings);
    auto const found = check.check(pushes);
    report.findings.insert(report.findings.end(), found.begin(), found.end());
    report.pushes = pushes.fates().size();
    report.acknowledged = pushes.acknowledged();
    report.stored = check.stored();
    return report;
}

void print(std::uint64_t round, failure_kind const& kind, round_report const& report,
           clock::duration took) {
    std::printf("round %3llu  %-14s %llu of %llu pushes acknowledged, %llu records stored, %.1f s: "
                "%s\n",
                static_cast<unsigned long long>(round), std::string{kind.name}.c_str(),
                static_cast<unsigned long long>(report.acknowledged),
                static_cast<unsigned long long>(report.pushes),
                static_cast<unsigned long long>(report.stored),
                std::chrono::duration<double>(took).count(), report.story.c_str());
    for (auto const& finding : report.findings) {
        std::printf("  WRONG: %s\n", finding.c_str());
    }
    std::fflush(stdout);
}

} // namespace

bool run_rounds(rounds_options const& settings, bed_options const& options) {
    repeatable_random random{settings.seed};
    failure_deck deck{settings.only};
    test_bed bed{options};
    verification check{bed.database(), settings.seed};
    std::uint64_t index = 0;
    for (std::uint64_t round = 1; round <= settings.rounds; ++round) {
        auto const began = clock::now();
        auto const& kind = deck.draw(random);
        auto const report = run_round(bed, kind, settings.seed, index, random, check);
        index += report.pushes;
        print(round, kind, report, clock::now() - began);
        if (!report.findings.empty()) {
            return false;
        }
    }
    std::printf("%llu calls, %s in all, to the last digit\n",
                static_cast<unsigned long long>(check.totals().calls()),
                text_of(check.totals().cost()).c_str());
    return true;
}

} // namespace tally::crash
