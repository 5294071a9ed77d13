#include "tests/simulation/comparison/sequence.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <random>

// simulation_comparison: holds the simulation's model of the database against a PostgreSQL of its
// own. A seed whose sequence gets other answers from one than from the other is printed, and is
// repeated with --seed.

namespace tally::simulation {
namespace {

struct options {
    std::optional<std::uint64_t> only_seed;
    std::optional<std::uint64_t> first_seed; ///< nullopt: a random one
    std::uint32_t sequences = 300;
    bool shows_flaws = false;
};

struct named_flaw {
    model_flaw kind;
    char const* name;
};

constexpr named_flaw flaws[] = {
    {model_flaw::forgets_chain, "forgets_chain"},
    {model_flaw::takes_stale, "takes_stale"},
    {model_flaw::moves_over_loss, "moves_over_loss"},
    {model_flaw::keeps_half_a_batch, "keeps_half_a_batch"},
    {model_flaw::locks_any_row, "locks_any_row"},
};

/// Gives every sequence of the program records of its own.
std::uint32_t next_number = 1;

/// How the model differs in the sequence of this seed; nullopt: it does not.
std::optional<std::string> difference_by(real_server& real, std::uint64_t seed, model_flaw flaw) {
    try {
        sequence{real, seed, next_number++, flaw}.run();
        return std::nullopt;
    } catch (difference const& found) {
        return found.what();
    }
}

/// Each flaw of the model must be found within a bounded number of sequences.
int show_flaws(real_server& real, std::uint32_t sequences) {
    int failures = 0;
    for (auto const& [kind, name] : flaws) {
        std::optional<std::string> found;
        std::uint64_t seed = 0;
        while (!found && seed < sequences) {
            found = difference_by(real, seed++, kind);
        }
        std::printf("%-20s %s\n", name,
                    found ? ("found by seed " + std::to_string(seed - 1) + ": " +
                             found->substr(0, found->find('\n')))
                                .c_str()
                          : "NOT FOUND");
        failures += found ? 0 : 1;
    }
    return failures == 0 ? 0 : 1;
}

int compare(real_server& real, options const& chosen) {
    std::random_device device;
    auto const random = std::uint64_t{device()} << 32 | device();
    auto const first = chosen.only_seed.value_or(chosen.first_seed.value_or(random));
    auto const sequences = chosen.only_seed ? 1 : chosen.sequences;
    std::printf("seeds from %llu on\n", static_cast<unsigned long long>(first));
    auto const began = std::chrono::steady_clock::now();
    for (std::uint32_t i = 0; i < sequences; ++i) {
        if (auto const found = difference_by(real, first + i, model_flaw::none)) {
            std::printf("seed %llu: %s  repeat: simulation_comparison --seed %llu\n",
                        static_cast<unsigned long long>(first + i), found->c_str(),
                        static_cast<unsigned long long>(first + i));
            return 1;
        }
    }
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - began;
    std::printf("%u sequences in %.1f s, no difference\n", sequences, took.count());
    for (auto const& [outcome, count] : sequence::outcomes()) {
        if (count > 1 && outcome.size() < 60) {
            std::printf("  %6llu  %s\n", static_cast<unsigned long long>(count), outcome.c_str());
        }
    }
    return 0;
}

} // namespace
} // namespace tally::simulation

int main(int argc, char** argv) {
    using namespace tally::simulation;
    options chosen;
    CLI::App app{"Holds the simulation's model of the database against a private PostgreSQL"};
    app.add_option("--seed", chosen.only_seed, "run the sequence of this seed only");
    app.add_option("--first", chosen.first_seed, "first seed of many; default: a random one");
    app.add_option("--sequences", chosen.sequences, "number of sequences");
    app.add_flag("--flaws", chosen.shows_flaws,
                 "give the model one flaw after the other; each must be found");
    CLI11_PARSE(app, argc, argv);
    spdlog::set_level(spdlog::level::off);
    real_server real;
    return chosen.shows_flaws ? show_flaws(real, chosen.sequences) : compare(real, chosen);
}
