#include "tests/simulation/world.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <optional>
#include <random>

// simulation: runs schedules of the pipeline until the time is over, one seed after the other, from
// a random one on. A seed that breaks a rule is printed, and replays exactly with --seed.

namespace tally::simulation {
namespace {

using clock = std::chrono::steady_clock;

struct protection {
    reversal kind;
    char const* name;
};

constexpr protection protections[] = {
    {reversal::drop_when_busy, "drop_when_busy"},
    {reversal::lose_offset, "lose_offset"},
    {reversal::trust_database, "trust_database"},
    {reversal::count_unfinished, "count_unfinished"},
    {reversal::decide_each_time, "decide_each_time"},
    {reversal::release_unwritten, "release_unwritten"},
    {reversal::remove_unstored, "remove_unstored"},
    {reversal::ignore_settled, "ignore_settled"},
    {reversal::admit_blocks, "admit_blocks"},
    {reversal::admit_pushes, "admit_pushes"},
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
    std::optional<std::uint64_t> first_seed; ///< nullopt: a random one
    std::optional<std::uint64_t> only_seed;
    std::uint64_t schedules = 0; ///< 0: until the time is over
    double seconds = 10;
    std::uint64_t hourly_min = 0; ///< schedules
    std::string seeds_file;
    std::string reversed;
    bool all_reversals = false;
};

int report(std::uint64_t seed, std::string const& rule) {
    std::printf("seed %llu: %s\n  replay: simulation --seed %llu\n",
                static_cast<unsigned long long>(seed), rule.c_str(),
                static_cast<unsigned long long>(seed));
    return 1;
}

/// Lines of a seed and the reason why it is there. '#' begins a comment.
std::vector<std::uint64_t> seeds_of(std::string const& file) {
    std::vector<std::uint64_t> seeds;
    std::ifstream input{file};
    for (std::string line; std::getline(input, line);) {
        if (!line.empty() && line[0] != '#') {
            seeds.push_back(std::stoull(line));
        }
    }
    return seeds;
}

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

/// Prints how often each situation was met. False: one that is wanted was never met.
bool show_situations(situations const& met) {
    for (auto const& [situation, count] : met) {
        std::printf("  %8llu  %s\n", static_cast<unsigned long long>(count), situation.c_str());
    }
    bool has_all = true;
    for (auto const& situation : situations_wanted()) {
        auto const found = met.find(situation);
        if (found == met.end() || found->second == 0) {
            std::printf("never met: %s\n", situation.c_str());
            has_all = false;
        }
    }
    return has_all;
}

int run_many(options const& chosen) {
    situations met;
    for (auto const seed : seeds_of(chosen.seeds_file)) {
        if (auto const rule = broken_by(seed, met)) {
            return report(seed, *rule);
        }
    }
    auto const first = chosen.first_seed.value_or(random_seed());
    std::printf("seeds from %llu on\n", static_cast<unsigned long long>(first));
    std::fflush(stdout); // also if a schedule never ends

    auto const began = clock::now();
    auto const cpu_began = std::clock();
    std::uint64_t done = 0;
    auto const seconds = [&] {
        return std::chrono::duration<double>(clock::now() - began).count();
    };
    while (chosen.schedules > 0 ? done < chosen.schedules : seconds() < chosen.seconds) {
        auto const seed = first + done++;
        if (auto const rule = broken_by(seed, met)) {
            return report(seed, *rule);
        }
    }

    // By the processor's time: other tests may run on the same core.
    auto const cpu_s = static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC;
    auto const hourly = static_cast<double>(done) / cpu_s * 3600;
    std::printf("%llu schedules in %.1f s (%.0f an hour of one core), no rule broken\n",
                static_cast<unsigned long long>(done), seconds(), hourly);
    bool const has_all = show_situations(met);
    if (hourly < static_cast<double>(chosen.hourly_min)) {
        std::printf("too slow\n");
        return 1;
    }
    return has_all ? 0 : 1;
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

void add_options(CLI::App& app, options& chosen) {
    app.add_option("--seed", chosen.only_seed, "run the schedule of this seed only");
    app.add_option("--first", chosen.first_seed, "first seed of many; default: a random one");
    app.add_option("--schedules", chosen.schedules, "number of schedules; default: by time");
    app.add_option("--seconds", chosen.seconds, "how long to run");
    app.add_option("--hourly-min", chosen.hourly_min,
                   "fail if fewer schedules can be run in an hour of one core");
    app.add_option("--seeds", chosen.seeds_file, "a file of seeds to run before");
    app.add_option("--reverse", chosen.reversed, "take one protection out");
    app.add_flag("--reversals", chosen.all_reversals,
                 "take each protection out in turn; each must be found missing");
}

} // namespace
} // namespace tally::simulation

int main(int argc, char** argv) {
    using namespace tally::simulation;
    options chosen;
    CLI::App app{
        "Runs the daemon's pipeline under a seeded scheduler, with a virtual disk and a model "
        "of the database"};
    add_options(app, chosen);
    CLI11_PARSE(app, argc, argv);
    spdlog::set_level(chosen.only_seed ? spdlog::level::info : spdlog::level::off);

    for (auto const& [kind, name] : protections) {
        if (chosen.reversed == name) {
            reverse(kind);
        }
    }
    if (chosen.all_reversals) {
        return show_reversals(chosen.schedules > 0 ? chosen.schedules : 5000);
    }
    if (chosen.only_seed) {
        situations met;
        auto const rule = broken_by(*chosen.only_seed, met);
        return rule ? report(*chosen.only_seed, *rule) : (std::puts("no rule broken"), 0);
    }
    return run_many(chosen);
}
