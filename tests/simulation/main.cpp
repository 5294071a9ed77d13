#include "tests/simulation/world.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <optional>

// simulation: runs schedules of the road until the time is over, one seed after the other. A seed
// that breaks a rule is printed, and replays exactly with --seed.

namespace tally::simulation {
namespace {

using clock = std::chrono::steady_clock;

/// Seeds that failed once.
constexpr std::uint64_t seeds_once_failed[] = {2, 15, 36, 150, 165, 240, 260, 1885, 3619, 14064};

struct protection {
    reversal kind;
    char const* name;
};

constexpr protection protections[] = {
    {reversal::drop_when_busy, "drop_when_busy"},
    {reversal::lose_place, "lose_place"},
    {reversal::trust_database, "trust_database"},
    {reversal::count_unfinished, "count_unfinished"},
    {reversal::decide_each_time, "decide_each_time"},
    {reversal::release_unwritten, "release_unwritten"},
};

/// The rule that the schedule of this seed breaks; nullopt: none.
std::optional<std::string> broken_by(std::uint64_t seed, situations& met) {
    try {
        world{seed, met}.run();
        return std::nullopt;
    } catch (std::exception const& error) {
        return error.what();
    }
}

struct options {
    std::uint64_t first_seed = 0;
    std::optional<std::uint64_t> only_seed;
    std::uint64_t schedules = 0; ///< 0: until the time is over
    double seconds = 10;
    std::string reversed;
    bool all_reversals = false;
};

int report(std::uint64_t seed, std::string const& rule) {
    std::printf("seed %llu: %s\n  replay: simulation --seed %llu\n",
                static_cast<unsigned long long>(seed), rule.c_str(),
                static_cast<unsigned long long>(seed));
    return 1;
}

int run_many(options const& chosen) {
    situations met;
    for (auto const seed : seeds_once_failed) {
        if (auto const rule = broken_by(seed, met)) {
            return report(seed, *rule);
        }
    }
    auto const began = clock::now();
    std::uint64_t done = 0;
    auto const seconds = [&] {
        return std::chrono::duration<double>(clock::now() - began).count();
    };
    while (chosen.schedules > 0 ? done < chosen.schedules : seconds() < chosen.seconds) {
        auto const seed = chosen.first_seed + done++;
        if (auto const rule = broken_by(seed, met)) {
            return report(seed, *rule);
        }
    }

    std::printf("%llu schedules in %.1f s (%.0f an hour), no rule broken\n",
                static_cast<unsigned long long>(done), seconds(),
                static_cast<double>(done) / seconds() * 3600);
    for (auto const& [situation, count] : met) {
        std::printf("  %8llu  %s\n", static_cast<unsigned long long>(count), situation.c_str());
    }
    int missed = 0;
    for (auto const& situation : situations_wanted()) {
        if (!met.contains(situation)) {
            std::printf("never met: %s\n", situation.c_str());
            missed = 1;
        }
    }
    return missed;
}

/// Every protection that is taken out must be missed within a bounded number of schedules.
int show_reversals(std::uint64_t schedules) {
    int failures = 0;
    for (auto const& [kind, name] : protections) {
        reverse(kind);
        situations met;
        std::optional<std::string> rule;
        std::uint64_t seed = 0;
        while (!rule && seed < schedules) {
            rule = broken_by(seed++, met);
        }
        std::printf("%-18s %s\n", name,
                    rule ? ("found by seed " + std::to_string(seed - 1) + ": " + *rule).c_str()
                         : "NOT FOUND");
        failures += rule ? 0 : 1;
    }
    reverse(reversal::none);
    return failures == 0 ? 0 : 1;
}

} // namespace
} // namespace tally::simulation

int main(int argc, char** argv) {
    using namespace tally::simulation;
    options chosen;
    std::uint64_t seed = 0;
    CLI::App app{"Runs the daemon's road under a seeded scheduler, with a virtual disk and a model "
                 "of the database"};
    auto* const only = app.add_option("--seed", seed, "run the schedule of this seed only");
    app.add_option("--first", chosen.first_seed, "first seed of many");
    app.add_option("--schedules", chosen.schedules, "number of schedules; default: by time");
    app.add_option("--seconds", chosen.seconds, "how long to run");
    app.add_option("--reverse", chosen.reversed, "take one protection out");
    app.add_flag("--reversals", chosen.all_reversals,
                 "take each protection out in turn; each must be found missing");
    CLI11_PARSE(app, argc, argv);
    spdlog::set_level(*only ? spdlog::level::info : spdlog::level::off);

    for (auto const& [kind, name] : protections) {
        if (chosen.reversed == name) {
            reverse(kind);
        }
    }
    if (chosen.all_reversals) {
        return show_reversals(chosen.schedules > 0 ? chosen.schedules : 5000);
    }
    if (*only) {
        situations met;
        auto const rule = broken_by(seed, met);
        return rule ? report(seed, *rule) : (std::puts("no rule broken"), 0);
    }
    return run_many(chosen);
}
