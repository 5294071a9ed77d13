#include "tests/crash/failure.hpp"
#include "tests/crash/rounds.hpp"

#include <CLI/CLI.hpp>

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <random>

// ./dev crash: what a daemon and its database go through, again and again.

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
        text += "  " + name + std::string{kind.what} + "\n";
    }
    return text;
}

} // namespace

int main(int count, char** words) {
    rounds_options rounds;
    bed_options bed;
    bool keep = false;
    rounds.seed = std::random_device{}();
    CLI::App app{"Pushes records to a real tallyd on a real PostgreSQL, lets something fail, and "
                 "looks whether everything acknowledged is there once and every sum is exact."};
    app.footer(list_of_failures());
    app.add_option("--rounds", rounds.rounds, "how often")->capture_default_str();
    app.add_option("--seed", rounds.seed, "what a run does; another one each time without it");
    app.add_option("--only", rounds.only, "one failure, see below");
    app.add_option("--tallyd", bed.tallyd, "the binary")->required();
    app.add_option("--disk", bed.disk, "the library that lets the journal's disk fail")->required();
    app.add_flag("--keep", keep, "keep the folder with journals and logs");
    CLI11_PARSE(app, count, words);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    try {
        bed.folder = make_folder();
        std::printf("seed %llu, folder %s\n", static_cast<unsigned long long>(rounds.seed),
                    bed.folder.c_str());
        bool const right = run_rounds(rounds, bed);
        if (right && !keep) {
            fs::remove_all(bed.folder);
        }
        return right ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "crash_rig: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
