#include "daemon/cli/command.hpp"
#include "daemon/cli/confirmation.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/journal/inventory.hpp"
#include "ingest/json/writer.hpp"
#include "storage/lane/stored_positions.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

// tallyd journal list | settle: what the journal holds, and the end of waiting for what it lost.

namespace tally::daemon {
namespace {

using storage::stored_positions;

struct journal_flags {
    std::string stream;
    bool all = false;
    bool json = false;
    bool yes = false;
};

/// "7 to 9", with the last record and not the one after it.
std::string range_text(record_range const& range) {
    return grouped(range.first_record) + " to " + grouped(range.end_record - 1);
}

std::string state_of(inventoried_stream const& stream) {
    if (!stream.first_record || !stream.end_record) {
        return "damaged or of a newer version";
    }
    if (auto const gap = stream.gap()) {
        return "MISSING: " + range_text(*gap);
    }
    if (!stream.position) {
        return "position unknown";
    }
    return *stream.position >= *stream.end_record
               ? stream.is_removed ? "stored and removed" : "stored"
               : grouped(*stream.end_record - std::max(*stream.position, *stream.first_record)) +
                     " to be stored";
}

/// The number of the last record; "-" without records, or when it is not known.
std::string last_text(inventoried_stream const& stream) {
    bool const has_records =
        stream.end_record && stream.first_record.value_or(0) < *stream.end_record;
    return has_records ? grouped(*stream.end_record - 1) : "-";
}

std::string number_text(std::optional<std::uint64_t> number) {
    return number ? grouped(*number) : "-";
}

void print_table(std::vector<inventoried_stream> const& streams) {
    table_printer table{{{"stream"},
                         {"segments", table_align::right},
                         {"MiB", table_align::right},
                         {"first record", table_align::right},
                         {"last record", table_align::right},
                         {"stored below", table_align::right},
                         {"state"}}};
    for (auto const& stream : streams) {
        table.add({stream.name, grouped(stream.segments), grouped(stream.bytes >> 20),
                   number_text(stream.first_record), last_text(stream),
                   number_text(stream.position), state_of(stream)});
    }
    table.print(std::cout);
}

void add_number(ingest::json_writer& json, std::string_view name,
                std::optional<std::uint64_t> number) {
    json.key(name);
    number ? json.value(*number) : json.null();
}

/// A line per stream.
void print_json(std::vector<inventoried_stream> const& streams) {
    for (auto const& stream : streams) {
        ingest::json_writer json;
        json.open('{').key("stream").value(stream.name);
        json.key("segments").value(stream.segments).key("bytes").value(stream.bytes);
        add_number(json, "first_record", stream.first_record);
        add_number(json, "end_record", stream.end_record);
        add_number(json, "position", stream.position);

        // The end is one past the last record, as in ingest.positions. Only the table shows the
        // last one.
        json.key("gap");
        if (auto const gap = stream.gap()) {
            json.open('{').key("first_record").value(gap->first_record);
            json.key("end_record").value(gap->end_record).close('}');
        } else {
            json.null();
        }
        std::cout << json.close('}').text() << '\n';
    }
}

/// The journal can be listed while the database is unavailable, when it matters most.
void try_positions(config::settings const& settings, std::vector<inventoried_stream>& streams) {
    std::string problem;
    try {
        database const opened{settings, database_use::shared};
        stored_positions store{opened.connection_string(), "tallyd journal"};
        if (auto const status = load_positions(store, streams); !status.ok()) {
            problem = status.detail;
        }
    } catch (std::runtime_error const& error) {
        problem = error.what();
    }
    if (!problem.empty()) {
        std::cerr << "tallyd: the positions are not known: " << problem << '\n';
    }
}

/// Works without the database, and beside a daemon that runs: the files are only read.
int list(config::settings const& settings, journal_flags const& flags) {
    auto streams = take_inventory(settings.journal_dir);
    if (!streams.empty()) {
        try_positions(settings, streams);
    }
    if (flags.json) {
        print_json(streams);
    } else if (streams.empty()) {
        std::cout << "the journal " << settings.journal_dir << " holds no stream\n";
    } else {
        print_table(streams);
    }
    return exit_success;
}

int refuse(std::string const& reason) {
    std::cerr << "tallyd: " << reason << "; nothing was changed\n";
    return exit_failure;
}

/// Moves the position to the end of the gap. A daemon that runs finds it there by itself.
int settle_gap(stored_positions& store, inventoried_stream const& stream,
               journal_flags const& flags) {
    // This gives up records that were acknowledged, so a person has to agree.
    auto const gap = *stream.gap();
    if (!is_confirmed(flags.yes, "give up the records " + range_text(gap) + " of " + stream.name +
                                     ", which neither the journal nor the database has")) {
        return exit_failure;
    }

    // Moved only from where the gap begins: a daemon may have moved it since it was read (R5).
    storage::position_found outcome;
    auto const status = store.move({stream.name, gap.first_record, gap.end_record, {}}, outcome);
    if (!status.ok()) {
        return refuse(status.detail);
    }
    if (outcome.found != gap.end_record) {
        return refuse("the position has moved to " + std::to_string(outcome.found) + " meanwhile");
    }

    std::cout << "records " << range_text(gap) << " of " << stream.name
              << " are given up; their senders have to send them again\n";
    return exit_success;
}

/// Settles one stream after the other, each with its own question.
int settle_gaps(stored_positions& store, std::vector<inventoried_stream> const& streams,
                journal_flags const& flags) {
    if (streams.empty()) {
        std::cout << "no record of the journal is missing\n";
    }
    bool all_settled = true;
    for (auto const& stream : streams) {
        all_settled = settle_gap(store, stream, flags) == exit_success && all_settled;
    }
    return all_settled ? exit_success : exit_failure;
}

/// Refuses unless exactly this stream has lost records, since its position may pass nothing else
/// (R2).
int settle(config::settings const& settings, journal_flags const& flags) {
    auto streams = take_inventory(settings.journal_dir);

    // With or without the prefix, so that a name can be pasted out of the list or the log.
    std::erase_if(streams, [&flags](inventoried_stream const& stream) {
        return !flags.all && stream.name != flags.stream &&
               stream.name != "journal:" + flags.stream;
    });
    if (streams.empty() && !flags.all) {
        return refuse("the journal " + settings.journal_dir + " has no stream '" +
                      printable(flags.stream) + "' (see: tallyd journal list)");
    }

    // A gap is known only with the position, so here the database is needed.
    database const opened{settings, database_use::shared};
    stored_positions store{opened.connection_string(), "tallyd journal"};
    if (auto const status = load_positions(store, streams); !status.ok()) {
        return refuse(status.detail);
    }
    if (flags.all) {
        std::erase_if(streams, [](auto const& stream) { return !stream.gap(); });
        return settle_gaps(store, streams, flags);
    }
    if (!streams.front().gap()) {
        return refuse("no record of " + streams.front().name + " is missing");
    }
    return settle_gap(store, streams.front(), flags);
}

using journal_work = int (*)(config::settings const&, journal_flags const&);

void run(command_environment& environment, journal_flags const& flags, journal_work work) {
    auto const settings = environment.load_settings();
    environment.exit_code =
        with_failures_printed(failure_text::lines, [&] { return work(settings, flags); });
}

} // namespace

void add_journal_command(CLI::App& app, command_environment& environment) {
    auto* group = app.add_subcommand("journal", "what the journal holds and what it has lost");
    group->require_subcommand(1);
    group->footer("Both may run beside a daemon. A record is missing when the database went back\n"
                  "further than the journal keeps (journal.retain_s, journal.retain_bytes).");

    auto const flags = std::make_shared<journal_flags>();

    auto* listing = group->add_subcommand(
        "list", "the streams in journal.dir: segments, first and last record, how much is stored, "
                "which records are missing");
    listing->add_flag("--json", flags->json, "a JSON object per stream instead of a table");
    listing->callback([flags, &environment] { run(environment, *flags, list); });

    auto* settling = group->add_subcommand(
        "settle", "give up the missing records of a stream: moves its position in ingest.positions "
                  "to their end; a running daemon notices within seconds");
    auto* chosen = settling->add_option_group("streams");
    chosen->add_option("STREAM", flags->stream, "as `tallyd journal list` names it");
    chosen->add_flag("--all", flags->all, "every stream that has lost records");
    chosen->require_option(1);
    settling->add_flag("--yes", flags->yes, "do not ask for confirmation");
    settling->callback([flags, &environment] { run(environment, *flags, settle); });
}

} // namespace tally::daemon
