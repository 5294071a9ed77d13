#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/logging.hpp"
#include "daemon/cli/operator_name.hpp"
#include "daemon/cli/schema_gate.hpp"
#include "daemon/cli/stop_on_signal.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/cli/time_text.hpp"
#include "daemon/rerate/report.hpp"
#include "daemon/suspense/job.hpp"
#include "storage/postgres/database_error.hpp"
#include "storage/rerate/job.hpp"
#include "storage/suspense/schedule.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

// tallyd rerate: rates stored calls again and writes the differences.

namespace tally::daemon {
namespace {

using selection = storage::rerate_selection;

struct rerate_flags {
    std::string subscription;
    std::string account;
    std::string plan;
    std::string begin;
    std::string end;
    std::string reason;
    bool suspense = false;
    bool dry_run = false;
    bool restart = false;
    bool json = false;
};

selection selection_of(rerate_flags const& flags) {
    // Exactly one of them is given: the option group has checked it.
    if (!flags.subscription.empty()) {
        return {selection::scope::subscription, flags.subscription, flags.begin, flags.end};
    }
    if (!flags.account.empty()) {
        return {selection::scope::account, flags.account, flags.begin, flags.end};
    }
    return {selection::scope::plan, flags.plan, flags.begin, flags.end};
}

/// The selection as a person would name it: for progress, messages and the report.
std::string label_of(rerate_flags const& flags) {
    std::string const text = !flags.subscription.empty() ? "subscription " + flags.subscription
                             : !flags.account.empty()    ? "account " + flags.account
                                                         : "plan " + flags.plan;
    return "rerating " + text;
}

/// Success is only a run that has come to its end: scripts continue a stopped one.
int report_end(storage::rerate_outcome const& outcome, rerate_flags const& flags,
               rerate_report const& report) {
    switch (outcome.end) {
    case storage::rerate_end::nothing_selected:
        std::cerr << "tallyd: there is no " << printable(label_of(flags).substr(9)) << '\n';
        return exit_failure;

    // Another session holds the advisory lock of this selection: one run at a time.
    case storage::rerate_end::busy:
        std::cerr << "tallyd: another tallyd is already doing this: " << printable(label_of(flags))
                  << '\n';
        return exit_failure;
    case storage::rerate_end::stopped:
    case storage::rerate_end::done:
        break;
    }

    // Also after a stop: what was changed until then is committed, page by page.
    flags.json ? report.write_json(std::cout, outcome, flags.dry_run)
               : report.write_text(std::cout, outcome, flags.dry_run);
    if (outcome.end == storage::rerate_end::stopped) {
        std::cerr << "tallyd: stopped; the same command continues from there\n";
        return exit_failure;
    }
    return exit_success;
}

/// By the plans as they are now, at the rates of each call's time. Continues an interrupted run.
int rerate_calls(std::string const& connection_string, rerate_flags const& flags,
                 stop_on_signal& stop) {
    // One catalog for the whole run, however long it takes (R14). It has the rates of the past as
    // well.
    auto const catalog = catalog_now(connection_string);
    rerate_report report{label_of(flags)};
    storage::rerate_job job{
        {.connection_string = connection_string,
         .catalog = catalog.get(),
         .selection = selection_of(flags),
         .author = {operator_name(), flags.reason},
         .is_dry_run = flags.dry_run,
         .restart = flags.restart},
        {.on_progress = [&](auto const& counts,
                            std::int64_t all) { report.progressed(counts, all); },
         .on_change = [&](auto const& change) { report.changed(change); },
         .on_unrated = [&](auto const& call) { report.unrated(call); },
         .stop = [&] { return stop.ask() != stop_request::none; }}};

    // Each page is a transaction with the position of the run, so a failure loses one page at most.
    try {
        auto const outcome = job.run();
        report.clear_progress();
        return report_end(outcome, flags, report);
    } catch (storage::database_error const& error) {
        report.clear_progress();
        std::cerr << "tallyd: " << printable(error.what())
                  << "; the same command continues from here\n";
        return exit_failure;
    }
}

int rerate(command_environment const& environment, rerate_flags const& flags) {
    auto const settings = environment.load_settings();
    set_up_command_log(settings.log_level, settings.log_format);

    // Before the first thread, so that all threads block the signals.
    stop_on_signal stop;
    return with_failures_printed(failure_text::quoted, [&] {
        database opened{settings, database_use::shared};

        if (!has_schema(opened, stop.source())) {
            return exit_failure;
        }

        // --suspense retries the records that a change of accounts or prices may have helped.
        auto const& connection_string = opened.connection_string();
        if (flags.suspense) {
            storage::suspense_filter curable;
            curable.reasons = storage::curable_reasons();
            return retry_suspense(settings, connection_string, {curable, flags.dry_run, flags.json},
                                  stop);
        }
        return rerate_calls(connection_string, flags, stop);
    });
}

void add_options(CLI::App& command, rerate_flags& flags) {
    // One selection per run: an interrupted run is found again by its selection.
    auto* item = command.add_option_group("selection of calls");
    item->add_option("--subscription", flags.subscription, "number or id of a subscription");
    item->add_option("--account", flags.account, "number or id of an account");
    item->add_option("--plan", flags.plan,
                     "code of a plan; includes the plans that fall back on it");
    auto* suspense =
        item->add_flag("--suspense", flags.suspense,
                       "retry suspended records that had no payer or no rate, and store those that "
                       "can be rated now");
    item->require_option(1);

    auto const bound = CLI::Validator(bound_problem, "DATE|TIME");
    command
        .add_option("--from", flags.begin,
                    "calls that began at or after this time; a date means midnight in the plan's "
                    "time zone")
        ->check(bound)
        ->excludes(suspense);
    command.add_option("--to", flags.end, "calls that began before this time")
        ->check(bound)
        ->excludes(suspense);

    command.add_flag("--dry-run", flags.dry_run, "show what would change, write nothing");
    command.add_option("--reason", flags.reason, "stored with every change");
    command.add_flag("--restart", flags.restart,
                     "start again instead of continuing an interrupted run of this selection");
    command.add_flag("--json", flags.json, "one JSON object instead of a summary");
}

} // namespace

void add_rerate_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand(
        "rerate",
        "rate stored calls again, by the rates that were in effect then, and write the "
        "differences. Allowances are drawn again from the beginning of each billing period, in "
        "order of answer: calls of the period outside --from and --to change when their part of "
        "the allowance does");
    auto flags = std::make_shared<rerate_flags>();
    add_options(*command, *flags);
    command->callback(
        [flags, &environment] { environment.exit_code = rerate(environment, *flags); });
}

} // namespace tally::daemon
