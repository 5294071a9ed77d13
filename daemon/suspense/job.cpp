#include "daemon/suspense/job.hpp"

#include "daemon/cli/command.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/suspense/retrier.hpp"
#include "daemon/upkeep/maintenance_settings.hpp"
#include "ingest/json/writer.hpp"
#include "storage/catalog/loader.hpp"
#include "storage/catalog/source_loader.hpp"
#include "storage/postgres/database_error.hpp"

#include <spdlog/spdlog.h>

#include <iostream>

namespace tally::daemon {
namespace {

void print_json(retry_counts const& counts, bool is_dry_run) {
    ingest::json_writer json;
    json.open('{').key("dry_run").value(is_dry_run).key("tried").value(counts.tried);
    json.key("stored").value(counts.stored).key("duplicate").value(counts.duplicate);
    json.key("still_waiting").open('{');
    for (auto const& [reason, count] : counts.still_waiting) {
        json.key(reason).value(count);
    }
    std::cout << json.close('}').close('}').text() << '\n';
}

/// One sum that adds up, then the reasons of those that still wait.
void print_words(retry_counts const& counts, bool is_dry_run) {
    std::uint64_t waiting = 0;
    std::string reasons;
    for (auto const& [reason, count] : counts.still_waiting) {
        waiting += count;
        reasons += ", " + printable(reason) + " " + grouped(count);
    }
    std::cout << "suspense: " << (is_dry_run ? "dry run, nothing written, " : "")
              << grouped(counts.tried) << " records = " << grouped(counts.stored)
              << (is_dry_run ? " to be stored + " : " stored + ") << grouped(counts.duplicate)
              << " already stored + " << grouped(waiting) << " still waiting\n"
              << (reasons.empty() ? "" : "  waiting   " + reasons.substr(2) + "\n");
}

/// Shows the progress of a retry.
class progress_of_retry {
  public:
    void show(retry_counts const& counts, std::int64_t waiting) {
        progress_state state;
        state.label = "suspense";
        state.records = counts.tried;
        state.bytes_done = counts.tried;
        state.bytes_total = static_cast<std::uint64_t>(waiting);
        state.elapsed =
            std::chrono::duration_cast<std::chrono::milliseconds>(progress::clock::now() - began_);
        shown_.show(state);
    }
    void clear() { shown_.clear(); }

  private:
    progress::clock::time_point began_ = progress::clock::now();
    progress shown_ = progress::on_standard_error();
};

} // namespace

/// By the catalog of this moment: a command has no watch, and ends soon.
std::shared_ptr<rating::catalog const> catalog_now(std::string const& connection_string) {
    auto const loaded = check(storage::load_catalog(connection_string), "load the catalog");
    for (auto const& text : loaded.warnings.texts()) {
        spdlog::warn("event=row_left_out reason=\"{}\"", text);
    }
    return loaded.catalog;
}

std::shared_ptr<ingest::source_table const> sources_now(std::string const& connection_string) {
    return check(storage::load_sources(connection_string), "load the sources").sources;
}

int retry_suspense(config::settings const& settings, std::string const& connection_string,
                   suspense_job const& job, stop_on_signal& stop) {
    progress_of_retry shown;
    retry_options options;
    options.connection_string = connection_string;
    options.purpose = "tallyd suspense retry";
    options.catalog = catalog_now(connection_string);
    options.sources = sources_now(connection_string);

    // The same policy as the daemon's, since a retry may store calls of days without a partition.
    options.partitions = partition_policy_of(settings);
    options.is_dry_run = job.is_dry_run;
    options.stop = [&] { return stop.ask() != stop_request::none; };
    options.on_progress = [&](auto const& counts, std::int64_t waiting) {
        shown.show(counts, waiting);
    };

    suspense_retry work{std::move(options)};
    auto const counts = work.run(job.filter);
    shown.clear();
    job.as_json ? print_json(counts, job.is_dry_run) : print_words(counts, job.is_dry_run);
    return stop.ask() == stop_request::none ? exit_success : exit_failure;
}

} // namespace tally::daemon
