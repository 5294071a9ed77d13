#include "bench/e2e/import_bench.hpp"
#include "bench/e2e/load_bench.hpp"
#include "bench/e2e/peers_bench.hpp"
#include "bench/e2e/push_bench.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

// bench_e2e import | push | load | peers: the daemon as it is shipped against a private PostgreSQL.

namespace tally::bench {
namespace {

struct command_line {
    bed_options bed;
    push_options push;
    std::filesystem::path peers_script;
    std::filesystem::path json_file; ///< empty: none
    bool is_uniform = false;
};

void add_options(CLI::App& app, command_line& chosen) {
    auto& bed = chosen.bed;
    app.add_option("--work-folder", bed.work_folder, "empty folder for the server and the files")
        ->required()
        ->check(CLI::ExistingDirectory);
    app.add_option("--tallyd", bed.tallyd, "the program to measure")
        ->required()
        ->check(CLI::ExistingFile);
    app.add_option("--records", bed.calls.records, "calls")->check(CLI::PositiveNumber);
    app.add_option("--subscriptions", bed.catalog.subscriptions, "customers, each with one")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--prefixes", bed.catalog.prefixes, "destinations of each plan")
        ->check(CLI::Range(100, 1'000'000));
    app.add_option("--days", bed.calls.days, "days the calls are spread over")
        ->check(CLI::Range(1, 3650));
    app.add_flag("--uniform", chosen.is_uniform, "all subscribers equally busy, instead of Zipf");
    app.add_option("--runs", bed.runs, "measurements of each kind, in turn")
        ->check(CLI::Range(1, 99));
    app.add_option("--json", chosen.json_file, "write the figures into this file");
}

int run(int argc, char** argv) {
    CLI::App app{"Measures tallyd against plain COPY of the same rows.", "bench_e2e"};
    // bench/run gives some options a default of its own, and the user's come behind it.
    app.option_defaults()->always_capture_default()->multi_option_policy(
        CLI::MultiOptionPolicy::TakeLast);
    app.require_subcommand(1);

    command_line chosen;
    auto* import = app.add_subcommand("import", "tallyd import of a file");
    add_options(*import, chosen);
    auto* push = app.add_subcommand("push", "NDJSON over HTTP to tallyd run");
    add_options(*push, chosen);
    push->add_option("--batch", chosen.push.records_per_push, "records of a push")
        ->check(CLI::Range(1, 100'000));
    push->add_option("--connections", chosen.push.connections, "pushing at once")
        ->check(CLI::Range(1, 256));
    push->add_option("--rate", chosen.push.pushes_per_s,
                     "pushes a second, all connections together; 0: as fast as answered");
    auto* load = app.add_subcommand("load", "the catalog out of PostgreSQL");
    add_options(*load, chosen);
    auto* peers = app.add_subcommand("peers", "other means to store the same rows");
    add_options(*peers, chosen);
    peers->add_option("--script", chosen.peers_script, "measures them")
        ->required()
        ->check(CLI::ExistingFile);
    CLI11_PARSE(app, argc, argv);

    chosen.bed.calls.kind = chosen.is_uniform ? popularity_kind::uniform : popularity_kind::zipf;
    test_bed bed{chosen.bed};
    json_report const report = *push    ? bench_push(bed, chosen.push)
                               : *load  ? bench_load(bed)
                               : *peers ? bench_peers(bed, chosen.peers_script)
                                        : bench_import(bed);
    if (!chosen.json_file.empty()) {
        report.write(chosen.json_file);
    }
    return 0;
}

} // namespace
} // namespace tally::bench

int main(int argc, char** argv) {
    try {
        return tally::bench::run(argc, argv);
    } catch (std::exception const& error) {
        std::cerr << "bench_e2e: " << error.what() << '\n';
        return 1;
    }
}
