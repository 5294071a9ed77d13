#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/quote/json.hpp"
#include "daemon/quote/rate_lines.hpp"
#include "daemon/quote/rate_plan.hpp"
#include "daemon/quote/text.hpp"
#include "ingest/json/writer.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <unistd.h>

// tallyd rate: computes what calls and events cost by a plan file or a plan of the database.

namespace tally::daemon {
namespace {

constexpr char const* description =
    "compute what calls and usage events cost by a plan file or a plan of the database";

constexpr char const* footer = R"(
Without --to or --metric it reads questions from standard input, one JSON object per line, and
answers each with one JSON object:
  {"to":"+447911123456","from":"+919812345678","direction":"outbound",
   "at":"2026-03-10T12:00:00Z","duration_s":130}
  {"metric":"sms","quantity":"3","at":"2026-03-10T12:00:00Z"}
Each line is rated on its own, with the plan's full allowance, unless --carry is given.
With --to (or --metric) it explains one call (or event) in words.

Exit code: 0 everything was rated, 1 something was not, 2 wrong usage.)";

/// The size of one read of standard input. Its lines are answered and flushed before the next read,
/// so that a client that sends one line at a time gets each answer at once.
constexpr std::size_t piece_bytes = 64 * 1024;

struct rate_options {
    std::string plan_file;
    std::vector<std::string> fallback_files;
    std::string plan;
    bool carry = false;
    std::string anchor;
    std::string destination;
    std::string caller;
    std::string direction;
    std::string time;
    std::string duration;
    bool on_net = false;
    std::string metric;
    std::string quantity;
    bool json = false;
};

/// Days since 1970 of "YYYY-MM-DD"; nullopt when the text is not a date.
std::optional<rating::civil_day> day_of(std::string const& text) {
    std::istringstream input{text};
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    char first = 0;
    char second = 0;
    input >> year >> first >> month >> second >> day;

    // Only a date that exists, and nothing behind it: 2026-02-30 would move the billing periods
    // silently.
    std::chrono::year_month_day const date{std::chrono::year{year}, std::chrono::month{month},
                                           std::chrono::day{day}};
    bool const is_date = !input.fail() && input.peek() == EOF && first == '-' && second == '-' &&
                         date.ok() && year >= 1 && year <= 9999;
    return is_date ? std::optional{static_cast<rating::civil_day>(
                         std::chrono::sys_days{date}.time_since_epoch().count())}
                   : std::nullopt;
}

std::string date_problem(std::string const& text) {
    return day_of(text) ? "" : "not a date: " + text + " (2026-01-31)";
}

/// The question of the command line, as the JSON line that a script would send: both are then read
/// by the same rules.
std::string line_of(rate_options const& options) {
    ingest::json_writer json;
    json.open('{');

    // Values stay texts: the reader of questions accepts numbers in both forms.
    for (auto const& [name, text] : {std::pair{"to", &options.destination},
                                     {"from", &options.caller},
                                     {"direction", &options.direction},
                                     {"at", &options.time},
                                     {"duration_s", &options.duration},
                                     {"metric", &options.metric},
                                     {"quantity", &options.quantity}}) {
        if (!text->empty()) {
            json.key(name).value(*text);
        }
    }

    if (options.on_net) {
        json.key("on_net").value(true);
    }

    // Without a time the call begins now, by the prices of today.
    if (options.time.empty()) {
        json.key("at").value(std::to_string(std::time(nullptr)));
    }
    return json.close('}').text();
}

/// Wrong usage, unlike a question that is understood and has no rate.
int refuse(rating::question_fault const& fault) {
    // The fault names a member of the JSON line; here it was an option.
    auto const option = fault.field == "duration_s" ? "duration" : fault.field;
    bool const is_missing = fault.error == ingest::record_error::missing_field;
    std::cerr << "tallyd: --" << option << (is_missing ? " is needed" : ": " + fault.detail)
              << '\n';
    return exit_usage;
}

/// Prints the answer to one question, in words or as JSON.
template <typename Question, typename Quote>
int show(Question const& asked, Quote const& quoted, rating::tariff const& plan, bool is_rated,
         bool json) {
    std::cout << (json ? json_of(asked, quoted, plan) + '\n' : words_of(asked, quoted, plan));
    return is_rated ? exit_success : exit_failure;
}

/// One question, in words or as JSON. The exit code tells whether it was rated.
int explain(rating::quoter& quoter, rate_options const& options) {
    // A time without a zone is one of the plan's zone.
    rating::question_reader reader{quoter.plan().head().time_zone};
    auto const question = reader.read(line_of(options));
    if (auto const* const call = std::get_if<rating::call_question>(&question)) {
        auto const quoted = quoter.quote(*call);
        bool const is_rated = quoted.rated.error == ingest::record_error::none;
        return show(*call, quoted, quoter.plan(), is_rated, options.json);
    }
    if (auto const* const event = std::get_if<rating::usage_question>(&question)) {
        auto const quoted = quoter.quote(*event);
        bool const is_rated = quoted.fault.error == ingest::record_error::none;
        return show(*event, quoted, quoter.plan(), is_rated, options.json);
    }
    return refuse(std::get<rating::question_fault>(question));
}

/// Reads standard input into `buffer`. Returns the number of bytes; 0 at the end.
std::size_t read_piece(std::string& buffer) {
    for (;;) {
        auto const got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }

        // A signal that is not fatal must not end the input.
        if (errno != EINTR) {
            throw std::system_error{errno, std::generic_category(), "standard input"};
        }
    }
}

/// A line that cannot be rated has an answer as well: the others go on, and the exit code tells.
int answer_lines(rating::quoter& quoter) {
    rate_lines lines{quoter, std::cout};
    std::string buffer(piece_bytes, '\0');
    for (auto size = read_piece(buffer); size != 0; size = read_piece(buffer)) {
        lines.take(std::string_view{buffer}.substr(0, size));

        // The reader of the answers has gone: further questions would be answered to no one.
        if (!std::cout.flush()) {
            std::cerr << "tallyd: standard output cannot be written\n";
            return exit_failure;
        }
    }
    lines.finish();
    return lines.failed() == 0 && std::cout.flush() ? exit_success : exit_failure;
}

rating_plan open_plan(rate_options const& options, command_environment const& environment) {
    // A plan file needs no database, so a plan can be tried before it is installed.
    if (!options.plan_file.empty()) {
        return plan_of_file(options.plan_file, options.fallback_files);
    }
    database const opened{environment.load_settings(), database_use::shared};
    return plan_of_code(opened.connection_string(), options.plan);
}

/// A problem of a plan file has several lines, each of which is a message.
void print_lines(std::string const& text) {
    for (std::size_t begin = 0; begin < text.size();) {
        auto const end = std::min(text.find('\n', begin), text.size());
        std::cerr << "tallyd: " << printable(text.substr(begin, end - begin)) << '\n';
        begin = end + 1;
    }
}

int rate(rate_options const& options, command_environment const& environment) {
    try {
        auto const plan = open_plan(options, environment);

        // On standard error, so that standard output has answers only.
        for (auto const& warning : plan.warnings) {
            print_lines(warning);
        }
        rating::quote_terms terms{.carry = options.carry, .ours = plan.catalog};

        terms.anchor = day_of(options.anchor).value_or(terms.anchor);
        rating::quoter quoter{plan.tariff, terms};

        bool const is_one = !options.destination.empty() || !options.metric.empty();
        return is_one ? explain(quoter, options) : answer_lines(quoter);
    } catch (std::exception const& error) {
        print_lines(error.what());
        return exit_failure;
    }
}

void add_question(CLI::App& command, rate_options& options) {
    auto* target = command.add_option("--to", options.destination, "explain a call to this number");
    auto* metric =
        command.add_option("--metric", options.metric, "explain an event of this metric");
    target->excludes(metric);
    command.add_option("--from", options.caller, "the caller's number")->needs(target);
    command.add_option("--direction", options.direction, "outbound (default) or inbound")
        ->needs(target);
    command.add_option("--duration", options.duration, "seconds from answer to end")->needs(target);
    command.add_flag("--on-net", options.on_net, "the destination is one of our own numbers")
        ->needs(target);
    command.add_option("--quantity", options.quantity, "quantity of the event")->needs(metric);
    command.add_option("--at", options.time,
                       "time of the answer: RFC 3339, in the plan's time zone unless it has one; "
                       "default: now");
    command.add_flag("--json", options.json, "one JSON object instead of words");
}

} // namespace

void add_rate_command(CLI::App& app, command_environment& environment) {
    auto* command = app.add_subcommand("rate", description);
    auto options = std::make_shared<rate_options>();

    // Exactly one of a file and a code.
    auto* plan = command->add_option_group("plan", "the plan to rate by");
    auto* file =
        plan->add_option("--plan-file", options->plan_file, "a plan file; no database is needed");
    plan->add_option("--plan", options->plan, "the code of a plan of the database");
    plan->require_option(1);
    command
        ->add_option("--fallback-file", options->fallback_files,
                     "files of the fallback plans, which are used when this plan has no rate")
        ->needs(file);

    // Without --carry each line is a question of its own, so the order of lines does not matter.
    auto* carry = command->add_flag(
        "--carry", options->carry,
        "all lines belong to one subscription: allowance and quantities carry over from line to "
        "line, per billing period");
    command
        ->add_option("--anchor", options->anchor,
                     "first day of the subscription, from which billing periods are counted "
                     "(default: the first of the month)")
        ->needs(carry)
        ->check(CLI::Validator(date_problem, "DATE"));

    add_question(*command, *options);
    command->footer(footer);
    command->callback(
        [options, &environment] { environment.exit_code = rate(*options, environment); });
}

} // namespace tally::daemon
