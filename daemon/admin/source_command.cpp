#include "daemon/admin/source_rules.hpp"
#include "daemon/admin/source_token.hpp"
#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/failure_report.hpp"
#include "daemon/cli/table_printer.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/json/writer.hpp"
#include "ingest/text/joined.hpp"
#include "rating/clock/calendar.hpp"
#include "storage/admin/source_admin.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

// tallyd source add | list | rotate | rules | enable | disable: manages the senders of records.

namespace tally::daemon {
namespace {

using storage::source_admin;
using storage::source_row;

struct source_flags {
    source_row row;
    std::string number_rules = "{}";
    rules_request rules;
    bool no_token = false;
    bool json = false;
};

using source_work = std::function<int(source_admin&, source_flags const&)>;

/// A validator of CLI11: returns the problem; empty: valid.
std::string zone_problem(std::string const& name) {
    try {
        rating::calendar{name};
        return "";
    } catch (std::invalid_argument const&) {
        return "unknown time zone '" + name + "' (IANA names: Europe/Berlin, Asia/Kolkata, UTC)";
    }
}

std::string format_problem(std::string const& name) {
    return ingest::find_format(name) != nullptr ? "" : "no such format: " + name;
}

std::string name_problem(std::string const& name) {
    // Names occur in metrics, logs and commands, so they need no quoting anywhere.
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    bool const good = !name.empty() && name.size() <= 63 &&
                      letters.find(name[0]) != std::string_view::npos &&
                      name.find_first_not_of(std::string{letters} + "_.-") == std::string::npos;
    return good ? ""
                : "a name has 1 to 63 letters, digits, _ . - and begins with a letter or digit";
}

void print_token(std::string const& name, std::string const& token, bool json) {
    if (json) {
        ingest::json_writer out;
        out.open('{').key("name").value(name).key("token").value(token).close('}');
        std::cout << out.text() << '\n';
        return;
    }
    std::cout << "token of " << name << ": " << token << '\n'
              << "It is shown only once. Send it as: Authorization: Bearer " << token << '\n';
}

int add(source_admin& sources, source_flags const& flags) {
    // The database stores only the digest, so a lost token can be replaced but not shown again.
    auto const token = flags.no_token ? std::string{} : new_source_token();

    auto const digest = flags.no_token ? std::nullopt : std::optional{token_sha256_hex(token)};
    auto row = flags.row;

    row.number_rules = checked_number_rules(flags.number_rules);

    // Nothing is changed then: a token that a sender uses must not be replaced by accident.
    if (!sources.add(row, digest)) {
        std::cerr << "tallyd: source '" << flags.row.name
                  << "' already exists; for a new token: tallyd source rotate " << flags.row.name
                  << '\n';
        return exit_failure;
    }

    if (!flags.no_token) {
        print_token(flags.row.name, token, flags.json);
    } else if (!flags.json) {
        std::cout << "source " << flags.row.name << " added without a token: for imports only\n";
    }
    return exit_success;
}

/// There is one token per source, so the old one ends with this.
int rotate(source_admin& sources, source_flags const& flags) {
    // A daemon refuses the old token once it has read the sources again.
    auto const token = new_source_token();
    if (!sources.set_token(flags.row.name, token_sha256_hex(token))) {
        return no_such_source(flags.row.name);
    }
    print_token(flags.row.name, token, flags.json);
    return exit_success;
}

/// Disabled, not deleted: records that are stored or wait in suspense name their source.
source_work set_active(bool is_active) {
    return [is_active](source_admin& sources, source_flags const& flags) {
        if (!sources.set_active(flags.row.name, is_active)) {
            return no_such_source(flags.row.name);
        }
        std::cout << "source " << flags.row.name << (is_active ? " enabled\n" : " disabled\n");
        return exit_success;
    };
}

/// "all" for none: a source without a list may send every format.
std::string listed(std::vector<std::string> const& formats) {
    return formats.empty() ? "all" : ingest::joined(formats, ",");
}

void print_rows(std::vector<source_row> const& rows) {
    table_printer table{{{"name"},
                         {"state"},
                         {"token"},
                         {"formats"},
                         {"time zone"},
                         {"b-legs"},
                         {"percent"},
                         {"number rules"},
                         {"added (UTC)"}}};
    for (auto const& row : rows) {
        table.add({row.name, row.is_active ? "active" : "disabled", row.has_token ? "yes" : "no",
                   listed(row.formats), row.time_zone, row.b_legs, row.percent,
                   row.number_rules == "{}" ? "none" : "yes", row.created_at});
    }
    table.print(std::cout);
}

void print_rows_as_json(std::vector<source_row> const& rows) {
    for (auto const& row : rows) {
        ingest::json_writer json;
        json.open('{').key("name").value(row.name).key("is_active").value(row.is_active);
        json.key("has_token").value(row.has_token).key("formats").open('[');
        for (auto const& format : row.formats) {
            json.value(format);
        }

        json.close(']').key("time_zone").value(row.time_zone);
        json.key("b_legs").value(row.b_legs).key("percent").value(row.percent);

        // As JSON, not as a text: the rules can be passed to --number-rules as they are.
        json.key("number_rules").raw(row.number_rules);
        json.key("created_at").value(row.created_at).close('}');
        std::cout << json.text() << '\n';
    }
}

int rules(source_admin& sources, source_flags const& flags) {
    auto request = flags.rules;
    request.source = flags.row.name;
    request.json = flags.json;
    return source_rules(sources, request);
}

int list(source_admin& sources, source_flags const& flags) {
    auto const rows = sources.list();
    flags.json ? print_rows_as_json(rows) : print_rows(rows);
    return exit_success;
}

/// Opens the database and does the work. Failures end as one line and exit code 1.
int with_database(command_environment const& environment, source_flags const& flags,
                  source_work const& work) {
    auto const settings = environment.load_settings();
    return with_failures_printed(failure_text::lines, [&] {
        database const opened{settings, database_use::shared};
        storage::sql_session session{opened.connection_string(), "tallyd source"};
        source_admin sources{session};
        return work(sources, flags);
    });
}

/// Adds a subcommand that does `work`.
CLI::App* add_work(CLI::App& parent, command_environment& environment,
                   std::shared_ptr<source_flags> const& flags, std::string const& name,
                   std::string const& description, source_work work) {
    auto* command = parent.add_subcommand(name, description);

    if (name != "list") {
        command->add_option("NAME", flags->row.name, "the source")->required();
    }
    command->callback([flags, &environment, work = std::move(work)] {
        environment.exit_code = with_database(environment, *flags, work);
    });
    return command;
}

void add_adding(CLI::App& parent, command_environment& environment,
                std::shared_ptr<source_flags> const& flags) {
    auto* command = add_work(parent, environment, flags, "add",
                             "add a source and print its token, which is shown only once", add);

    command->get_option("NAME")->check(CLI::Validator(name_problem, "NAME"));

    auto& row = flags->row;
    command->add_option("--timezone", row.time_zone, "time zone of times that have none")
        ->check(CLI::Validator(zone_problem, "ZONE"))
        ->capture_default_str();
    command
        ->add_option("--formats", row.formats,
                     "formats that it may send, separated by commas; default: all")
        ->delimiter(',')
        ->check(CLI::Validator(format_problem, "FORMAT"));
    command->add_option("--b-legs", row.b_legs, "what to do with records of b-legs")
        ->check(CLI::IsMember({"accept", "skip"}))
        ->capture_default_str();
    command
        ->add_option("--percent", row.percent,
                     "percent-decoding of FreeSWITCH variables (mod_json_cdr's encode-values)")
        ->check(CLI::IsMember({"auto", "on", "off"}))
        ->capture_default_str();

    command->add_option("--number-rules", flags->number_rules,
                        "rules that turn its numbers into E.164: JSON, or @FILE; see tallyd source "
                        "rules");
    command->add_flag("--no-token", flags->no_token, "for imports only: the source cannot push");
    command->add_flag("--json", flags->json, "one JSON object with the token");
}

void add_rules(CLI::App& parent, command_environment& environment,
               std::shared_ptr<source_flags> const& flags) {
    auto* command = add_work(parent, environment, flags, "rules",
                             "show, set or try the rules that turn its numbers into E.164", rules);
    command->add_option(
        "--set", flags->rules.set,
        R"(new rules: JSON, or @FILE. {"international_prefixes":["00"],"national_prefix":"0",)"
        R"("country_code":"91","national_lengths":[10],)"
        R"("rewrites":[{"prefix":"99","replacement":""}],)"
        R"("short_codes":["1800180"],"short_digits_max":6})");
    command->add_option("--try", flags->rules.tried,
                        "show what a number becomes, by the rules of --set if given; stores "
                        "nothing");
    command->add_flag("--json", flags->json, "one JSON object for each number tried");
}

} // namespace

void add_source_command(CLI::App& app, command_environment& environment) {
    auto* source = app.add_subcommand("source", "manage the senders of records");
    source->require_subcommand(1);
    auto flags = std::make_shared<source_flags>();
    add_adding(*source, environment, flags);
    add_work(*source, environment, flags, "list", "list all sources", list)
        ->add_flag("--json", flags->json, "one JSON object per line instead of a table");
    add_work(*source, environment, flags, "rotate",
             "replace the token by a new one; the old one is refused from then on", rotate)
        ->add_flag("--json", flags->json, "one JSON object with the token");
    add_rules(*source, environment, flags);
    add_work(*source, environment, flags, "disable", "refuse records of this source",
             set_active(false));
    add_work(*source, environment, flags, "enable", "accept records of this source again",
             set_active(true));
}

} // namespace tally::daemon
