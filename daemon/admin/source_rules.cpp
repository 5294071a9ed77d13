#include "daemon/admin/source_rules.hpp"

#include "daemon/cli/command.hpp"
#include "daemon/cli/table_printer.hpp"
#include "ingest/json/number_rules.hpp"
#include "ingest/json/writer.hpp"
#include "rating/number/number_normalizer.hpp"
#include "storage/postgres/command_error.hpp"

#include <array>
#include <fstream>
#include <iostream>
#include <sstream>

namespace tally::daemon {
namespace {

using rating::number_form;

std::string content_of(std::string const& file) {
    std::ifstream input{file, std::ios::binary};
    std::ostringstream text;
    text << input.rdbuf();
    if (!input) {
        throw storage::command_error("cannot read " + file);
    }
    return std::move(text).str();
}

ingest::number_rules rules_of(std::string const& json) {
    auto reading = ingest::read_number_rules(json);
    if (reading.problems.empty()) {
        return std::move(reading.rules);
    }

    // All problems at once, so that the rules are corrected in one pass.
    std::string all = "the number rules are invalid:";
    for (auto const& problem : reading.problems) {
        all += "\n  " + printable(problem);
    }
    throw storage::command_error(all);
}

/// Which rule made the number what it is, so that an operator can correct the right one.
std::string explained(rating::normal_number const& number, ingest::number_rules const& rules) {
    std::string const rewritten = number.rewrite == rating::normal_number::no_rewrite
                                      ? ""
                                      : "rewrites[" + std::to_string(number.rewrite) + "], then ";

    switch (number.form) {
    case number_form::no_number:
        return rules.empty() ? "there are no rules: kept as sent"
                             : rewritten + "not a number: kept as sent, never identifies a payer";
    case number_form::short_code:
        return "a short code: kept as sent";
    case number_form::plus:
        return rewritten + "international with +";
    case number_form::after_prefix:
        return rewritten + "international prefix removed";
    case number_form::national_prefix:
        return rewritten + "national prefix " + rules.national_prefix + " replaced by " +
               rules.country_code;
    case number_form::national_length:
        return rewritten + "the length of a national number: " + rules.country_code + " prepended";
    case number_form::as_it_is:
        break;
    }
    return rewritten + "no rule applies: taken as international";
}

/// What each number becomes, and by which rule.
void show_tried(rules_request const& request, ingest::number_rules const& rules) {
    table_printer table{{{"sent"}, {"becomes"}, {"because"}}};
    for (auto const& sent : request.tried) {
        // By the function that the daemon uses, so that the answer is what a record would get.
        std::array<char, rating::prefix_index::digits_max> buffer;
        auto const number = rating::normalize(sent, rules, buffer);
        std::string const becomes{number.digits.empty() ? std::string_view{sent} : number.digits};
        auto const reason = explained(number, rules);

        if (request.json) {
            ingest::json_writer out;
            out.open('{').key("sent").value(sent).key("becomes").value(becomes);
            out.key("because").value(reason).close('}');
            std::cout << out.text() << '\n';
        } else {
            table.add({sent, becomes, reason});
        }
    }

    if (!request.json) {
        table.print(std::cout);
    }
}

} // namespace

int no_such_source(std::string const& name) {
    std::cerr << "tallyd: there is no source '" << printable(name)
              << "'; see: tallyd source list\n";
    return exit_failure;
}

std::string checked_number_rules(std::string const& given) {
    auto json = given.starts_with('@') ? content_of(given.substr(1)) : given;
    (void)rules_of(json);
    return json;
}

int source_rules(storage::source_admin& sources, rules_request const& request) {
    // Invalid rules are refused before anything is stored.
    auto const given = request.set.empty() ? std::string{} : checked_number_rules(request.set);
    auto const stored = sources.number_rules(request.source);
    if (!stored) {
        return no_such_source(request.source);
    }

    // A trial stores nothing, not even together with --set.
    if (!request.tried.empty()) {
        show_tried(request, rules_of(given.empty() ? *stored : given));
        return exit_success;
    }

    // Prints the rules as they are stored, in the form that PostgreSQL gives them.
    if (!given.empty() && !sources.set_number_rules(request.source, given)) {
        return no_such_source(request.source);
    }
    std::cout << (given.empty() ? *stored : sources.number_rules(request.source).value_or(given))
              << '\n';
    return exit_success;
}

} // namespace tally::daemon
