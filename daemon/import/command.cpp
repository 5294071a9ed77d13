#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/logging.hpp"
#include "daemon/cli/schema_gate.hpp"
#include "daemon/cli/stop_on_signal.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/import/list.hpp"
#include "daemon/import/session.hpp"
#include "daemon/upkeep/maintenance_settings.hpp"
#include "ingest/formats/formats.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

// tallyd import FILE… and tallyd import list

namespace tally::daemon {
namespace {

struct import_flags {
    std::vector<std::string> files;
    std::string format;
    std::string source = "local";
    std::string rejects;
    bool dry_run = false;
    bool json = false;
    bool force = false;
    bool list_json = false;
    std::int32_t list_limit = 50;
};

/// Of the formats that can come as files: some exist only as pushes.
std::string format_names() {
    std::string names;
    for (auto const& each : ingest::formats()) {
        if (each.by_file) {
            names += (names.empty() ? "" : ", ") + std::string{each.name};
        }
    }
    return names;
}

ingest::format const* file_format(std::string const& name) {
    auto const* found = ingest::find_format(name);
    return found != nullptr && found->by_file ? found : nullptr;
}

std::string format_problem(std::string const& name) {
    return file_format(name) != nullptr ? "" : "no such format; known: " + format_names();
}

/// A file that was not read at all has a failure and no counts, so it gets no summary.
void print(import_summary const& summary, bool as_json) {
    if (as_json) {
        write_json(std::cout, summary);
    } else if (summary.state == "already_imported") {
        std::cout << printable(summary.file) << ": already imported: " << summary.failure << '\n';
        return;
    } else if (summary.counts.received > 0 || summary.state == "done") {
        write_text(std::cout, summary);
    }
    std::cout << std::flush;

    // Failures go to standard error, also beside --json.
    if (!summary.failure.empty() && summary.state != "already_imported") {
        std::cerr << "tallyd: " << printable(summary.file) << ": " << summary.failure << '\n';
    } else if (!import_session::is_success(summary)) {
        std::cerr << "tallyd: " << printable(summary.file) << ": no record could be read as "
                  << summary.format << '\n';
    }
}

/// Imports all files, also after one that failed, but none after a stop.
bool import_files(import_session& session, import_flags const& flags, stop_on_signal& stop) {
    bool all_good = true;
    for (auto const& file : flags.files) {
        auto const summary = session.run(file);
        print(summary, flags.json);

        // After a stop, or when the database takes no more, the next file would only end in the
        // same way.
        all_good = all_good && import_session::is_success(summary);
        if (stop.ask() != stop_request::none || summary.state == "given_up") {
            break;
        }
    }
    return all_good;
}

/// The exit code: 0 when every file was imported, or was before.
int import(command_environment const& environment, import_flags const& flags) {
    auto const settings = environment.load_settings();
    set_up_command_log(settings.log_level, settings.log_format);
    stop_on_signal stop; // before the first thread, so that all threads block the signals
    return with_failures_printed(failure_text::lines, [&] {
        database opened{settings, database_use::shared};
        if (!has_schema(opened, stop.source())) {
            return exit_failure;
        }

        // One session for all files: sources and catalog are read once, so all are rated by the
        // same prices (R14).
        import_session session{
            import_database_at(opened.connection_string(), partition_policy_of(settings)),
            {.settings = settings,
             .in_format = file_format(flags.format),
             .source = flags.source,
             .rejects_file = flags.rejects,
             .is_dry_run = flags.dry_run,
             .force = flags.force,
             .stop = [&stop] { return stop.ask(); },
             .supervise = [&opened] { (void)opened.supervise(); }}};
        return import_files(session, flags, stop) ? exit_success : exit_failure;
    });
}

int list(command_environment const& environment, import_flags const& flags) {
    auto const settings = environment.load_settings();
    return with_failures_printed(failure_text::lines, [&] {
        return list_imports(settings, flags.list_limit, flags.list_json);
    });
}

void add_list(CLI::App& parent, command_environment& environment,
              std::shared_ptr<import_flags> const& flags) {
    auto* command = parent.add_subcommand("list", "list imported files, latest first");
    command->add_flag("--json", flags->list_json, "one JSON object per line instead of a table");
    command->add_option("--limit", flags->list_limit, "list at most so many")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->callback([flags, &environment] { environment.exit_code = list(environment, *flags); });
}

void add_options(CLI::App& command, import_flags& flags) {
    command.add_option("FILE", flags.files, "files, plain, .gz or .zst; - is standard input");
    command.add_option("--format,-f", flags.format, "format of the records: " + format_names())
        ->check(CLI::Validator(format_problem, "FORMAT"));
    command.add_option("--source,-s", flags.source, "source of the records")->capture_default_str();
    command.add_option("--rejects", flags.rejects,
                       "write unreadable records to this file, one JSON object per line; without "
                       "it they wait in ingest.suspense");
    command.add_flag("--dry-run", flags.dry_run, "read and rate everything, write nothing");
    command.add_flag("--force", flags.force, "import a file again that is already imported");
    command.add_flag("--json", flags.json, "one JSON object per file instead of a summary");
}

} // namespace

void add_import_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand(
        "import", "import files of records; importing a file twice is harmless, and an interrupted "
                  "import continues where it stopped");

    auto flags = std::make_shared<import_flags>();
    add_options(*command, *flags);
    add_list(*command, environment, flags);

    // FILE and --format are checked here, since `import list` needs neither.
    command->callback([command, flags, &environment] {
        // `import list` has a callback of its own; CLI11 calls this one as well.
        if (!command->get_subcommands().empty()) {
            return;
        }

        if (flags->files.empty()) {
            throw CLI::RequiredError("FILE");
        }
        if (flags->format.empty()) {
            throw CLI::RequiredError("--format");
        }
        environment.exit_code = import(environment, *flags);
    });
}

} // namespace tally::daemon
