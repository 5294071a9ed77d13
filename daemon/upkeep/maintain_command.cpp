#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/upkeep/maintenance_settings.hpp"
#include "ingest/base/time.hpp"
#include "ingest/json/writer.hpp"
#include "storage/partitions/upkeep.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <iostream>
#include <memory>

// tallyd maintain NAME: runs a job of storage::maintenance_jobs() now, and prints what it did.

namespace tally::daemon {
namespace {

using storage::maintenance_job;
using storage::maintenance_report;

struct maintain_flags {
    bool dry_run = false;
    bool json = false;
};

void print_table(maintenance_report const& report) {
    std::vector<table_column> columns;
    for (auto const& title : report.columns) {
        columns.push_back({title, title == "rows" ? table_align::right : table_align::left});
    }
    table_printer table{std::move(columns)};
    for (auto const& row : report.rows) {
        table.add(row);
    }
    table.print(std::cout);
}

/// One line per row, cells separated by tabs, for scripts.
void print_lines(maintenance_report const& report) {
    for (auto const& row : report.rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::cout << (i == 0 ? "" : "\t") << printable(row[i]);
        }
        std::cout << '\n';
    }
}

/// "ends at (UTC)" as "ends_at".
std::string json_name(std::string_view title) {
    std::string name{title.substr(0, title.find(" ("))};
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
}

void print_json(maintenance_job const& job, maintain_flags const& flags,
                maintenance_report const& report) {
    ingest::json_writer json;
    json.open('{').key("job").value(job.name).key("dry_run").value(flags.dry_run);
    json.key("busy").value(report.is_busy).key("changed").value(report.changed);

    json.key("failures").value(report.failures).key("rows").open('[');
    for (auto const& row : report.rows) {
        json.open('{');
        for (std::size_t i = 0; i < row.size(); ++i) {
            json.key(json_name(report.columns[i]));

            // A number, so that scripts can add it up.
            report.columns[i] == "rows" ? json.raw(row[i]) : json.value(row[i]);
        }
        json.close('}');
    }
    std::cout << json.close(']').close('}').text() << '\n';
}

/// A job that another session is running is no failure: the work is being done.
void print(maintenance_job const& job, maintain_flags const& flags,
           maintenance_report const& report) {
    if (flags.json) {
        print_json(job, flags, report);
    } else if (report.is_busy) {
        std::cout << "another tallyd is running this job now\n";
    } else if (report.rows.empty()) {
        std::cout << "nothing to do\n";
    } else {
        isatty(STDOUT_FILENO) == 1 ? print_table(report) : print_lines(report);
    }
}

/// The exit code is 1 also when a part of the job failed: the report has the rows.
int maintain(command_environment const& environment, maintenance_job const& job,
             maintain_flags const& flags) {
    auto const settings = environment.load_settings();
    return with_failures_printed(failure_text::lines, [&] {
        database const opened{settings, database_use::shared};
        storage::pq_connection connection{
            opened.connection_string(), "tallyd maintain", {}, storage::upkeep_limits};

        // As the scheduler's options, so that a run by hand does what the daemon would do.
        auto options = maintenance_options_of(settings, ingest::now_us());
        options.dry_run = flags.dry_run;
        maintenance_report report;
        auto const status = run_job(connection, job, options, report);
        if (!status.ok()) {
            std::cerr << "tallyd: " << status.detail << '\n';
            return exit_failure;
        }
        print(job, flags, report);
        return report.failures == 0 ? exit_success : exit_failure;
    });
}

} // namespace

void add_maintain_command(CLI::App& app, command_environment& environment) {
    auto* group = app.add_subcommand("maintain", "run a maintenance job now");
    group->require_subcommand(1);
    group->footer("A running `tallyd run` runs these jobs automatically (settings maintenance.*),\n"
                  "except expiring-trials. All are safe to repeat and to run beside daemons: when\n"
                  "several run at once, one does the work. Exit codes: 0 done, 1 failed.");

    auto const flags = std::make_shared<maintain_flags>();

    // One subcommand per job of the list: a new job needs no change here.
    for (auto const& job : storage::maintenance_jobs()) {
        auto* command = group->add_subcommand(std::string{job.name}, std::string{job.help});
        command->add_flag("--dry-run", flags->dry_run, "print what would be done, change nothing");
        command->add_flag("--json", flags->json, "one JSON object instead of a table");
        command->callback([flags, &job, &environment] {
            environment.exit_code = maintain(environment, job, *flags);
        });
    }
}

} // namespace tally::daemon
