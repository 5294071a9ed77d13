#include "tests/crash/outage.hpp"

#include "tests/crash/verification.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

namespace tally::crash {

namespace {

using clock = std::chrono::steady_clock;
constexpr double mib = 1024 * 1024;
constexpr unsigned senders = 4;
constexpr double push_bytes = 7'400;  ///< about the size of a push in the journal
constexpr int looks = 30;             ///< measurements of memory during the outage
constexpr double growth_mib_max = 16; ///< over the second half: noise of the allocator
constexpr double memory_mib_max = 300;

double resident_mib(pid_t pid) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string word; status >> word;) {
        if (word == "VmRSS:") {
            double kib = 0;
            status >> kib;
            return kib / 1024;
        }
    }
    return 0;
}

/// The number after "journal":{"bytes": in /status.
double journal_mib(tests::daemon_process const& daemon) {
    auto const body = tests::http_request(daemon.admin_port(), "GET", "/status").body;
    auto const cursor = body.find("\"journal\":{\"bytes\":");
    return cursor == std::string::npos ? 0 : std::stod(body.substr(cursor + 19)) / mib;
}

double look(test_bed& bed, load const& pushes, double elapsed_s) {
    auto const memory = resident_mib(bed.daemon(0).pid());
    std::printf("%7.1f s  memory %6.1f MiB  journal %7.1f MiB  pushes acknowledged %8llu  503 "
                "%8llu\n",
                elapsed_s, memory, journal_mib(bed.daemon(0)),
                static_cast<unsigned long long>(pushes.acknowledged()),
                static_cast<unsigned long long>(pushes.refused()));
    return memory;
}

/// The memory at each measurement, while nothing can be stored.
std::vector<double> sit_out(test_bed& bed, load const& pushes, double seconds) {
    std::vector<double> memory;
    auto const began = clock::now();
    for (int i = 1; i <= looks; ++i) {
        std::this_thread::sleep_until(began +
                                      std::chrono::duration_cast<clock::duration>(
                                          std::chrono::duration<double>(seconds * i / looks)));
        memory.push_back(look(bed, pushes, seconds * i / looks));
    }
    return memory;
}

std::vector<std::string> judge(std::vector<double> const& memory, load const& pushes) {
    std::vector<std::string> findings;
    auto const most = *std::max_element(memory.begin(), memory.end());
    auto const growth = most - *std::max_element(memory.begin(), memory.begin() + looks / 2);
    if (growth > growth_mib_max || most > memory_mib_max) {
        findings.push_back("memory came to " + std::to_string(most) + " MiB, and grew by " +
                           std::to_string(growth) + " MiB over the second half");
    }
    if (pushes.refused_without_time() > 0) {
        findings.push_back(std::to_string(pushes.refused_without_time()) +
                           " answers 503 had no Retry-After");
    }
    return findings;
}

} // namespace

bool run_outage(outage_options const& settings, bed_options const& options) {
    test_bed bed{options};
    load pushes{settings.seed, 0};
    verification check{bed.database(), settings.seed};
    bed.start(0, {}, pushes);
    pushes.ask_for_commit(false);
    pushes.start(senders);
    (void)pushes.wait_acknowledged(1000, std::chrono::seconds{30});
    // The journal grows for a third of the time, and is full for the rest.
    auto const pushes_to_full = static_cast<double>(options.journal_bytes) / push_bytes;
    pushes.set_pace(std::chrono::microseconds{
        static_cast<std::int64_t>(settings.seconds / 3 / pushes_to_full * senders * 1e6)});
    (void)look(bed, pushes, 0);
    auto const taken = pushes.acknowledged();
    tests::private_postgres::shared().stop();
    auto const memory = sit_out(bed, pushes, settings.seconds);
    auto findings = judge(memory, pushes);
    if (pushes.acknowledged() == taken) {
        findings.emplace_back("nothing was acknowledged while the database was away");
    }
    tests::private_postgres::shared().start();
    pushes.stop();
    auto const began = clock::now();
    if (int const code = bed.stop(0, pushes); code != 0 || bed.segments(0) != 0) {
        findings.push_back("the daemon ended with " + std::to_string(code) + " and " +
                           std::to_string(bed.segments(0)) + " segments in its journal");
    }
    std::printf("drained in %.1f s\n", std::chrono::duration<double>(clock::now() - began).count());
    for (auto const& found : check.check(pushes)) {
        findings.push_back(found);
    }
    for (auto const& finding : findings) {
        std::printf("  WRONG: %s\n", finding.c_str());
    }
    std::printf("%llu pushes acknowledged, %llu answers 503, %llu records stored\n",
                static_cast<unsigned long long>(pushes.acknowledged()),
                static_cast<unsigned long long>(pushes.refused()),
                static_cast<unsigned long long>(check.stored()));
    return findings.empty();
}

} // namespace tally::crash
