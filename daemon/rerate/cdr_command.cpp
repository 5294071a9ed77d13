#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/operator_name.hpp"
#include "daemon/cli/table_printer.hpp"
#include "ingest/base/uuid.hpp"
#include "ingest/json/writer.hpp"
#include "ingest/text/timestamp.hpp"
#include "storage/rerate/call_correction.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

// tallyd cdr void | dispute | restore: corrects single calls.

namespace tally::daemon {
namespace {

using storage::correction_kind;
using storage::correction_outcome;

struct cdr_flags {
    storage::call_name call;
    std::string reason;
    bool json = false;
};

/// A time without a zone is refused: it would name another call in another zone.
std::string start_problem(std::string const& text) {
    using form = ingest::time_reading::form;
    return ingest::read_time_text(text).is == form::utc
               ? ""
               : "'" + text + "' is not an RFC 3339 time with a zone (2026-05-04T10:00:00Z)";
}

void print(correction_outcome const& outcome, cdr_flags const& flags) {
    if (flags.json) {
        ingest::json_writer out;
        out.open('{').key("account").value(flags.call.account);
        out.key("uuid").value(flags.call.uuid).key("start_time").value(outcome.start);

        out.key("changed").value(outcome.is_changed);
        out.key("old_status").value(outcome.old_status);
        out.key("new_status").value(outcome.new_status);
        out.key("cost").value(outcome.cost).key("currency").value(outcome.currency).close('}');
        std::cout << out.text() << '\n';
        return;
    }

    std::cout << "call " << flags.call.uuid << " of " << outcome.start << ": ";

    // Repeating a correction is harmless, and says so.
    if (outcome.is_changed) {
        std::cout << outcome.old_status << " -> " << outcome.new_status;
    } else {
        std::cout << "already " << outcome.new_status << ", nothing changed";
    }
    std::cout << " (" << outcome.currency << ' ' << outcome.cost << ")\n";
}

/// Corrects one call. The exit code: 0 also when it already has the status.
int correct(command_environment const& environment, correction_kind kind, cdr_flags flags) {
    auto const settings = environment.load_settings();
    return with_failures_printed(failure_text::quoted, [&] {
        // Decoders map an id that is not a UUID to one; find the call by the same rule.
        auto const id = ingest::parse_uuid(flags.call.uuid);
        flags.call.uuid = ingest::to_string(
            id ? *id : ingest::uuid_v5(ingest::call_id_name_space, flags.call.uuid));

        // A correction moves the same sums as the call did, in one transaction (R10).
        database const opened{settings, database_use::shared};
        storage::sql_session session{opened.connection_string(), "tallyd cdr"};
        storage::call_corrector corrector{session};
        print(corrector.correct(kind, flags.call, {operator_name(), flags.reason}), flags);
        return exit_success;
    });
}

/// The subcommands differ only in the kind of correction.
void add_correction(CLI::App& parent, command_environment& environment, correction_kind kind,
                    std::string const& description) {
    auto* command = parent.add_subcommand(std::string{storage::label(kind)}, description);

    auto flags = std::make_shared<cdr_flags>();
    command->add_option("--account", flags->call.account, "number or id of the account")
        ->required();
    command->add_option("--uuid", flags->call.uuid, "the switch's call id")->required();
    command
        ->add_option("--start", flags->call.start,
                     "start of the call; needed when the account has several calls with this id")
        ->check(CLI::Validator(start_problem, "TIME"));

    // Required: a corrected bill has to be explained later.
    command->add_option("--reason", flags->reason, "stored with the change")
        ->required()
        ->check(CLI::Validator(
            [](std::string const& text) { return text.empty() ? "a reason is needed" : ""; },
            "TEXT"));
    command->add_flag("--json", flags->json, "one JSON object instead of a line");
    command->callback([flags, kind, &environment] {
        environment.exit_code = correct(environment, kind, *flags);
    });
}

} // namespace

void add_cdr_command(CLI::App& app, command_environment& environment) {
    auto* cdr = app.add_subcommand("cdr", "correct single calls");
    cdr->require_subcommand(1);
    add_correction(
        *cdr, environment, correction_kind::voided,
        "take back a call's cost, usage and allowance; the call stays visible. Later calls "
        "keep their cost until they are rerated");
    add_correction(*cdr, environment, correction_kind::disputed,
                   "mark a call as disputed: it keeps its cost and is not rated again");
    add_correction(*cdr, environment, correction_kind::restored,
                   "undo the last void or dispute of a call");
}

} // namespace tally::daemon
