#include "bench/support/call_text.hpp"
#include "bench/support/catalog_sql.hpp"

#include <CLI/CLI.hpp>

#include <fstream>
#include <iostream>
#include <stdexcept>

// Writes a catalog as SQL and calls of its subscribers as a file, the same bytes for the same
// options on every machine.

namespace tally::bench {
namespace {

struct options {
    sample_catalog_size catalog;
    sample_calls_size calls;
    std::uint64_t seed = 1;
    bool is_uniform = false;
    bool is_zipf = false; ///< also without either
    std::string calls_file;
    std::string format = "canonical";
    std::string sql_file;
};

/// The file is written in pieces of this size.
constexpr std::size_t piece_bytes = 1024 * 1024;

std::ofstream open(std::string const& path) {
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    if (!out) {
        throw std::runtime_error{"cannot write " + path};
    }
    return out;
}

void close(std::ofstream& out, std::string const& path) {
    out.close();
    if (!out) {
        throw std::runtime_error{"writing " + path + " failed"};
    }
}

void write_sql(sample_catalog const& catalog, std::string const& path) {
    auto out = open(path);
    out << psql_script(catalog_sql(catalog));
    close(out, path);
}

void write_calls(sample_catalog const& catalog, options const& chosen) {
    auto const append = chosen.format == "asterisk" ? append_asterisk : append_canonical;
    sample_calls source{catalog, chosen.calls};
    auto out = open(chosen.calls_file);
    std::string piece;
    for (sample_call call; source.next(call);) {
        append(call, piece);
        if (piece.size() >= piece_bytes) {
            out << piece;
            piece.clear();
        }
    }
    out << piece;
    close(out, chosen.calls_file);
}

void add_options(CLI::App& app, options& chosen) {
    app.add_option("--records", chosen.calls.records, "calls")->check(CLI::PositiveNumber);
    app.add_option("--subscriptions", chosen.catalog.subscriptions, "customers, each with one")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--prefixes", chosen.catalog.prefixes, "destinations of each plan")
        ->check(CLI::Range(100, 1'000'000));
    app.add_option("--days", chosen.calls.days, "days the calls are spread over, from 2026-01-05")
        ->check(CLI::Range(1, 3650));
    app.add_option("--seed", chosen.seed, "another seed, other calls");
    auto* uniform = app.add_flag("--uniform", chosen.is_uniform, "all subscribers equally busy");
    app.add_flag("--zipf", chosen.is_zipf,
                 "the k-th busiest makes 1/k of the calls of the first (default)")
        ->excludes(uniform);
    app.add_option("--ndjson,--calls", chosen.calls_file, "file for the calls");
    app.add_option("--format", chosen.format, "of the calls: canonical or asterisk")
        ->check(CLI::IsMember({"canonical", "asterisk"}));
    app.add_option("--sql", chosen.sql_file, "file for the catalog, a script for psql");
}

int run(int argc, char** argv) {
    CLI::App app{"Makes a catalog and calls of its subscribers; the same for the same options.",
                 "cdr_generator"};
    app.option_defaults()->always_capture_default();
    options chosen;
    add_options(app, chosen);
    CLI11_PARSE(app, argc, argv);

    // Catalog and calls use different random numbers.
    chosen.catalog.seed = chosen.seed;
    chosen.calls.seed = chosen.seed + 1;
    chosen.calls.kind = chosen.is_uniform ? popularity_kind::uniform : popularity_kind::zipf;

    auto const catalog = make_sample_catalog(chosen.catalog);
    if (!chosen.sql_file.empty()) {
        write_sql(catalog, chosen.sql_file);
    }
    if (!chosen.calls_file.empty()) {
        write_calls(catalog, chosen);
    }
    return 0;
}

} // namespace
} // namespace tally::bench

int main(int argc, char** argv) {
    try {
        return tally::bench::run(argc, argv);
    } catch (std::exception const& error) {
        std::cerr << "cdr_generator: " << error.what() << '\n';
        return 1;
    }
}
