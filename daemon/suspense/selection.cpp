#include "daemon/suspense/selection.hpp"

#include "daemon/cli/time_text.hpp"
#include "ingest/base/record_error.hpp"
#include "storage/catalog/source_loader.hpp"
#include "storage/postgres/command_error.hpp"
#include "storage/postgres/database_error.hpp"

#include <CLI/CLI.hpp>

namespace tally::daemon {

namespace {

/// Only a reason that this version knows: a typing error would select nothing, without an error.
std::string reason_problem(std::string const& code) {
    return ingest::parse_code(code) != ingest::record_error::none
               ? ""
               : "no such reason: " + code + "; see: tallyd suspense list";
}

/// A name that is unknown is an error, not a filter that selects nothing.
ingest::uuid source_id(storage::pq_connection& connection, std::string const& name) {
    auto const loaded = check(storage::load_sources(connection));
    auto const* const found = loaded.sources->by_name(name);
    if (found == nullptr) {
        throw storage::command_error("there is no source '" + name + "'; see: tallyd source list");
    }
    return found->id;
}

} // namespace

/// No filter at all: changes are refused then, since they would affect every row.
bool suspense_selection::is_open() const noexcept {
    return ids.empty() && reasons.empty() && source.empty() && format.empty() && since.empty() &&
           until.empty();
}

void add_selection(CLI::App& command, suspense_selection& selection, with_ids ids) {
    if (ids == with_ids::yes) {
        command.add_option("ids", selection.ids,
                           "ids of suspended records, or unique prefixes of them");
    }

    auto const bound = CLI::Validator(bound_problem, "DATE|TIME");
    command
        .add_option("--reason", selection.reasons,
                    "why they wait, such as unknown_number; repeatable")
        ->allow_extra_args(false) // ids may follow
        ->check(CLI::Validator(reason_problem, "REASON"));
    command.add_option("--source", selection.source, "name of the source that sent them");
    command.add_option("--format", selection.format, "format in which they were sent");
    command
        .add_option("--since", selection.since,
                    "received at or after this time; a date means its midnight in UTC")
        ->check(bound);
    command.add_option("--until", selection.until, "received before this time")->check(bound);
}

storage::suspense_filter filter_of(suspense_selection const& selection,
                                   storage::pq_connection& connection) {
    // Names and prefixes are resolved here, so that a wrong one fails before anything is changed.
    storage::suspense_filter out;
    for (auto const& id : selection.ids) {
        out.ids.push_back(suspended_record(connection, id).id);
    }

    out.reasons = selection.reasons;
    out.source_id =
        selection.source.empty() ? ingest::uuid{} : source_id(connection, selection.source);
    out.format = selection.format;
    out.since = bound_time(selection.since);
    out.until = bound_time(selection.until);
    return out;
}

storage::suspense_record suspended_record(storage::pq_connection& connection,
                                          std::string const& id) {
    // Operators copy the beginning of an id from a table; two that match are refused, not guessed.
    auto found = check(storage::find_suspense(connection, id));
    if (found.empty()) {
        throw storage::command_error("no suspended record has the id '" + id +
                                     "'; see: tallyd suspense list");
    }
    if (found.size() > 1) {
        throw storage::command_error("several suspended records have ids that begin with '" + id +
                                     "'; give more of it");
    }
    return std::move(found.front());
}

} // namespace tally::daemon
