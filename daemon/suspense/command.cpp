#include "daemon/cli/command.hpp"
#include "daemon/cli/confirmation.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/logging.hpp"
#include "daemon/cli/operator_name.hpp"
#include "daemon/cli/schema_gate.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/suspense/export.hpp"
#include "daemon/suspense/job.hpp"
#include "daemon/suspense/report.hpp"
#include "daemon/suspense/selection.hpp"
#include "ingest/json/writer.hpp"
#include "storage/postgres/database_error.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

// tallyd suspense list | show | retry | discard | restore | export: shows and resolves records that
// could not be stored or rated.

namespace tally::daemon {
namespace {

/// The default of --limit: about one screen.
constexpr std::int32_t rows_unless_said = 50;

struct suspense_flags {
    suspense_selection selection;
    std::string state;
    std::string because;
    std::string file;
    std::int32_t limit = 0; ///< 0: not given
    bool summary = false;
    bool dry_run = false;
    bool yes = false;
    bool raw = false;
    bool json = false;
};

/// The context of a subcommand.
struct suspense_work {
    config::settings const& settings;
    database const& opened;
    storage::pq_connection& connection;
    suspense_flags const& flags;
};

storage::suspense_filter filter_of(suspense_work const& work) {
    auto out = filter_of(work.flags.selection, work.connection);
    out.state = work.flags.state == "all" ? "" : work.flags.state;
    return out;
}

/// A line per state, reason and source, with what to do about it.
int list_groups(suspense_work const& work, storage::suspense_filter const& filter) {
    auto const groups = check(storage::summarize_suspense(work.connection, filter));
    if (work.flags.json) {
        print_groups_as_json(std::cout, groups);
    } else if (groups.empty()) {
        std::cout << "nothing is suspended\n";
    } else {
        print_groups(std::cout, groups);
        std::cout << "to list the records of a line: tallyd suspense list --reason "
                  << printable(groups.front().reason) << '\n';
    }
    return exit_success;
}

int list_rows(suspense_work const& work, storage::suspense_filter const& filter) {
    auto const limit = work.flags.limit > 0 ? work.flags.limit : rows_unless_said;
    auto const rows = check(storage::list_suspense(work.connection, filter, limit));
    if (work.flags.json) {
        for (auto const& row : rows) {
            std::cout << json_line(row, with_payload::no) << '\n';
        }
        return exit_success;
    }

    // The number of all is shown below the rows, so that a limit does not hide the others.
    auto const all = check(storage::count_suspense(work.connection, filter));
    if (rows.empty()) {
        std::cout << "no suspended record matches\n";
    } else {
        print_rows(std::cout, rows, all);
    }
    return exit_success;
}

int list(suspense_work const& work) {
    auto const filter = filter_of(work);

    // Without a filter there may be millions of rows, so only their groups are shown.
    bool const wants_rows = !work.flags.selection.is_open() || work.flags.limit > 0;
    return work.flags.summary || !wants_rows ? list_groups(work, filter) : list_rows(work, filter);
}

int show(suspense_work const& work) {
    // One after the other, so that an id that is not found does not hide those before it.
    for (auto const& id : work.flags.selection.ids) {
        auto const record = suspended_record(work.connection, id);
        if (work.flags.json) {
            std::cout << json_line(record, with_payload::yes) << '\n';
        } else {
            print_record(std::cout, record);
        }
    }
    return exit_success;
}

/// The same path as the daemon's automatic retries, whatever the reason and the attempts.
int retry(suspense_work const& work) {
    stop_on_signal stop; // a signal ends the retry between two batches

    // A retry writes calls, unlike the other subcommands, and needs the schema of this binary.
    if (!has_schema(work.opened, stop.source())) {
        return exit_failure;
    }
    return retry_suspense(work.settings, work.opened.connection_string(),
                          {filter_of(work), work.flags.dry_run, work.flags.json}, stop);
}

void print_change(suspense_flags const& flags, std::string_view done, std::int64_t count) {
    if (flags.json) {
        ingest::json_writer json;
        json.open('{').key("dry_run").value(flags.dry_run).key(done).value(count).close('}');
        std::cout << json.text() << '\n';
        return;
    }
    std::cout << (flags.dry_run ? "dry run, nothing written: " : "") << count
              << (count == 1 ? " record " : " records ") << (flags.dry_run ? "to be " : "") << done
              << '\n';
}

/// Changes the selected rows of `state`. `done` names the change, in the text and in --json.
template <typename Change>
int change(suspense_work const& work, std::string_view state, std::string_view done,
           Change&& apply) {
    if (work.flags.selection.is_open()) {
        std::cerr << "tallyd: select records by ids, --reason, --source, --format, --since or "
                     "--until\n";
        return exit_usage;
    }

    // Counted first, for the question and for --dry-run. The change itself counts again, since rows
    // may have been resolved meanwhile.
    auto filter = filter_of(work);
    filter.state = state;
    auto count = check(storage::count_suspense(work.connection, filter));
    if (count > 0 && !work.flags.dry_run) {
        std::string const question = (state == "waiting" ? "discard " : "restore ") +
                                     std::to_string(count) + (count == 1 ? " record" : " records");
        if (!is_confirmed(work.flags.yes, question)) {
            return exit_failure;
        }

        // A few thousand rows per transaction, so that lanes do not wait for the locks of all of
        // them.
        check(apply(filter, count));
    }
    print_change(work.flags, done, count);
    return exit_success;
}

int discard(suspense_work const& work) {
    return change(work, "waiting", "discarded", [&](auto const& filter, std::int64_t& count) {
        return storage::discard_suspense(work.connection, filter,
                                         {operator_name(), work.flags.because}, count);
    });
}

/// The way back from discard: the rows wait again, and are retried like others.
int restore(suspense_work const& work) {
    return change(work, "discarded", "restored", [&](auto const& filter, std::int64_t& count) {
        return storage::restore_suspense(work.connection, filter, count);
    });
}

int export_records(suspense_work const& work) {
    auto const count =
        export_suspense(work.connection, {filter_of(work), work.flags.file, work.flags.raw});
    std::cerr << count << (count == 1 ? " record" : " records") << " exported";

    // Raw payloads are exported to be corrected, and the next steps are easy to miss.
    if (work.flags.raw && count > 0) {
        std::cerr << "; correct them, import them with tallyd import, then discard these";
    }
    std::cerr << '\n';
    return exit_success;
}

/// Opens the database and acts. Failures end as one line and exit code 1.
int perform(command_environment const& environment, int (*act)(suspense_work const&),
            suspense_flags const& flags) {
    // Lines of level info would interrupt the tables that the command prints.
    auto const settings = environment.load_settings();
    set_up_command_log(settings.log_level, settings.log_format);
    return with_failures_printed(failure_text::quoted, [&] {
        database const opened{settings, database_use::shared};
        storage::pq_connection connection{opened.connection_string(), "tallyd suspense"};
        return act({settings, opened, connection, flags});
    });
}

CLI::App* add_subcommand(CLI::App& parent, command_environment& environment,
                         std::shared_ptr<suspense_flags> const& flags, std::string const& name,
                         std::string const& description, int (*act)(suspense_work const&)) {
    auto* command = parent.add_subcommand(name, description);
    command->add_flag("--json", flags->json, "one JSON object per line instead of a table");
    command->callback(
        [=, &environment] { environment.exit_code = perform(environment, act, *flags); });
    return command;
}

void add_state(CLI::App& command, suspense_flags& flags) {
    flags.state = "waiting";
    command.add_option("--state", flags.state, "waiting, resolved, discarded or all")
        ->check(CLI::IsMember({"waiting", "resolved", "discarded", "all"}))
        ->capture_default_str();
}

void add_change(CLI::App& command, suspense_flags& flags) {
    add_selection(command, flags.selection, with_ids::yes);
    command.add_flag("--yes", flags.yes, "do not ask");
    command.add_flag("--dry-run", flags.dry_run, "print how many, change nothing");
}

void add_reading(CLI::App& suspense, command_environment& environment) {
    auto const listed = std::make_shared<suspense_flags>();
    auto* command = add_subcommand(
        suspense, environment, listed, "list",
        "count the records by reason and source; with a filter or --limit list them, latest first",
        list);
    add_selection(*command, listed->selection, with_ids::no);
    add_state(*command, *listed);
    command->add_flag("--summary", listed->summary, "count by reason and source despite a filter");
    command
        ->add_option("--limit", listed->limit,
                     "list at most so many records; default: " + std::to_string(rows_unless_said))
        ->check(CLI::Range(1, 1'000'000));

    // Flags of its own for each subcommand: a shared object would mix up their defaults.
    auto const shown = std::make_shared<suspense_flags>();
    command = add_subcommand(suspense, environment, shown, "show",
                             "show a record: why it waits, what to do, its payload", show);
    command->add_option("ids", shown->selection.ids, "its id, or a unique prefix of it")
        ->required();

    auto const exported = std::make_shared<suspense_flags>();
    command = add_subcommand(suspense, environment, exported, "export",
                             "write records with all fields, one object per line, oldest first",
                             export_records);
    add_selection(*command, exported->selection, with_ids::yes);
    add_state(*command, *exported);
    command->add_option("--to", exported->file, "a file, written completely or not at all, or -")
        ->required();
    command->add_flag("--raw", exported->raw,
                      "only the payloads, as received, to be corrected and imported");
}

void add_changing(CLI::App& suspense, command_environment& environment) {
    auto const retried = std::make_shared<suspense_flags>();
    auto* command = add_subcommand(
        suspense, environment, retried, "retry",
        "retry waiting records, whatever their reason: decode, rate and store them by the present "
        "settings of their source, accounts and plans. Without a filter all of them",
        retry);
    add_selection(*command, retried->selection, with_ids::yes);
    command->add_flag("--dry-run", retried->dry_run, "print what would be stored, write nothing");

    // A reason is required: the rows stay, and someone will ask why they were given up.
    auto const discarded = std::make_shared<suspense_flags>();
    command =
        add_subcommand(suspense, environment, discarded, "discard",
                       "give up waiting records: they stay visible and are not charged", discard);
    add_change(*command, *discarded);
    command
        ->add_option("--because,--reason-text", discarded->because, "why; stored with the records")
        ->required()
        ->check(CLI::Validator(
            [](std::string const& text) { return text.empty() ? "a reason is needed" : ""; },
            "TEXT"));

    auto const restored = std::make_shared<suspense_flags>();
    command = add_subcommand(suspense, environment, restored, "restore",
                             "make discarded records wait again", restore);
    add_change(*command, *restored);
}

} // namespace

void add_suspense_command(CLI::App& app, command_environment& environment) {
    auto* suspense = app.add_subcommand(
        "suspense", "show and resolve records that could not be stored or rated");
    suspense->require_subcommand(1);
    suspense->footer(
        "A running `tallyd run` automatically retries records that wait for an account, a number,\n"
        "a subscription or a price (setting suspense.auto_attempts_max). All commands are safe to\n"
        "repeat and to run beside daemons: each record counts once. Exit codes: 0 done, 1 failed.");
    add_reading(*suspense, environment);
    add_changing(*suspense, environment);
}

} // namespace tally::daemon
