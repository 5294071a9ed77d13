#include "daemon/suspense/suspense_selection.hpp"

#include "daemon/cli/time_text.hpp"
#include "ingest/base/record_error.hpp"
#include "storage/catalog/source_loader.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>

namespace tally::daemon {

namespace {

std::string reason_problem(std::string const& code) {
    return ingest::parse_code(code) != ingest::record_error::none
               ? ""
               : "no such reason: " + code + "; see: tallyd suspense list";
}

void check(storage::result const& said) {
    if (!said.ok()) {
        throw std::runtime_error(said.why == storage::failure::bad_data
                                     ? said.detail
                                     : "the database refuses: " + said.detail);
    }
}

ingest::uuid source_id(storage::pq_connection& on, std::string const& name) {
    storage::loaded_sources loaded;
    check(storage::load_sources(on, loaded));
    auto const* const found = loaded.sources->by_name(name);
    if (found == nullptr) {
        throw std::runtime_error("there is no source '" + name + "'; see: tallyd source list");
    }
    return found->id;
}

} // namespace

bool suspense_selection::is_open() const noexcept {
    return ids.empty() && reasons.empty() && source.empty() && format.empty() && since.empty() &&
           until.empty();
}

void add_selection(CLI::App& command, suspense_selection& what, with_ids ids) {
    if (ids == with_ids::yes) {
        command.add_option("ids", what.ids, "ids of suspended records, or unique prefixes of them");
    }
    auto const bound = CLI::Validator(bound_problem, "DATE|TIME");
    command
        .add_option("--reason", what.reasons, "why they wait, such as unknown_number; repeatable")
        ->allow_extra_args(false) // ids may follow
        ->check(CLI::Validator(reason_problem, "REASON"));
    command.add_option("--source", what.source, "name of the source that sent them");
    command.add_option("--format", what.format, "format in which they were sent");
    command
        .add_option("--since", what.since,
                    "received at or after this time; a date means its midnight in UTC")
        ->check(bound);
    command.add_option("--until", what.until, "received before this time")->check(bound);
}

storage::suspense_filter filter_of(suspense_selection const& what, storage::pq_connection& on) {
    storage::suspense_filter out;
    for (auto const& id : what.ids) {
        out.ids.push_back(suspended_record(on, id).id);
    }
    out.reasons = what.reasons;
    out.source_id = what.source.empty() ? ingest::uuid{} : source_id(on, what.source);
    out.format = what.format;
    out.since = bound_time(what.since);
    out.until = bound_time(what.until);
    return out;
}

storage::suspense_record suspended_record(storage::pq_connection& on, std::string const& id) {
    std::vector<storage::suspense_record> found;
    check(storage::find_suspense(on, id, found));
    if (found.empty()) {
        throw std::runtime_error("no suspended record has the id '" + id +
                                 "'; see: tallyd suspense list");
    }
    if (found.size() > 1) {
        throw std::runtime_error("several suspended records have ids that begin with '" + id +
                                 "'; give more of it");
    }
    return std::move(found.front());
}

} // namespace tally::daemon
