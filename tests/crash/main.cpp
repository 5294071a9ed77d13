#include "tests/crash/failure.hpp"
#include "tests/crash/idle.hpp"
#include "tests/crash/outage.hpp"
#include "tests/crash/rounds.hpp"
#include "tests/crash/standby.hpp"
#include "tests/crash/twice.hpp"

#include <CLI/CLI.hpp>

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <random>

// ./dev crash: injects failures into a daemon and its database under load.

namespace {

namespace fs = std::filesystem;
using namespace tally::crash;

fs::path make_folder() {
    std::string name = (fs::temp_directory_path() / "tallyd-crash-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error{"no temporary folder"};
    }
    ::chmod(name.c_str(), 0711);
    return name;
}

std::string list_of_failures() {
    std::string text = "Failures:\n";
    for (auto const& kind : failure_kinds()) {
        std::string name{kind.name};
        name.resize(16, ' ');
        text += "  " + name + std::string{kind.text} + "\n";
    }
    return text;
}

struct choices {
    rounds_options rounds;
    bed_options bed;
    double outage_minutes = 0;
    std::uint64_t twice_pushes = 0;
    double idle_seconds = 0;
    std::uint64_t standby_rounds = 0;
    std::uint64_t journal_mib = 0;
    bool keep = false;
};

void add_options(CLI::App& app, choices& chosen) {
    app.add_option("--rounds", chosen.rounds.rounds, "rounds of failures")->capture_default_str();
    app.add_option("--seed", chosen.rounds.seed, "seed of the run; default: random");
    app.add_option("--only", chosen.rounds.only, "inject only this failure, see below");
    app.add_option("--outage", chosen.outage_minutes,
                   "instead of rounds: stop PostgreSQL for so many minutes under load");
    app.add_option("--twice", chosen.twice_pushes,
                   "instead of rounds: send so many pushes once through one daemon, and twice in "
                   "another order through two");
    app.add_option(
        "--idle", chosen.idle_seconds,
        "instead of rounds: schedules with rests, roll-overs at quiet moments, and tables "
        "that are blocked for so many seconds");
    app.add_option("--standby", chosen.standby_rounds,
                   "instead of rounds: so many failovers to standbys that are behind");
    app.add_option("--journal-mib", chosen.journal_mib,
                   "size limit of a journal; 0: the default, in an outage 256");
    app.add_option("--tallyd", chosen.bed.tallyd, "the binary")->required();
    app.add_option("--disk", chosen.bed.disk, "the library that makes the journal's disk fail")
        ->required();
    app.add_flag("--keep", chosen.keep, "keep the folder with journals and logs");
}

bool run(choices& chosen) {
    chosen.bed.folder = make_folder();
    chosen.bed.journal_bytes = chosen.journal_mib << 20;
    auto const seed = chosen.rounds.seed;
    std::printf("seed %llu, folder %s\n", static_cast<unsigned long long>(seed),
                chosen.bed.folder.c_str());
    bool right = false;
    if (chosen.outage_minutes > 0) {
        chosen.bed.journal_bytes = (chosen.journal_mib == 0 ? 256 : chosen.journal_mib) << 20;
        right = run_outage({chosen.outage_minutes * 60, seed}, chosen.bed);
    } else if (chosen.twice_pushes > 0) {
        right = run_twice({chosen.twice_pushes, seed}, chosen.bed);
    } else if (chosen.idle_seconds > 0) {
        right = run_idle({chosen.idle_seconds, seed}, chosen.bed);
    } else if (chosen.standby_rounds > 0) {
        right = run_standby({chosen.standby_rounds, seed}, chosen.bed);
    } else {
        right = run_rounds(chosen.rounds, chosen.bed);
    }
    if (right && !chosen.keep) {
        fs::remove_all(chosen.bed.folder);
    }
    return right;
}

} // namespace

int main(int count, char** words) {
    choices chosen;
    chosen.rounds.seed = std::random_device{}();
    CLI::App app{"Pushes records to a real tallyd on a real PostgreSQL, lets something fail, and "
                 "checks that everything acknowledged is stored once and every sum is exact."};
    app.footer(list_of_failures());
    add_options(app, chosen);
    CLI11_PARSE(app, count, words);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    try {
        return run(chosen) ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "crash_rig: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
