#include "daemon/import/list.hpp"

#include "daemon/cli/command.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/table_printer.hpp"
#include "daemon/cli/time_text.hpp"
#include "ingest/file/input.hpp"
#include "ingest/json/writer.hpp"
#include "storage/admin/imports.hpp"
#include "storage/catalog/source_loader.hpp"
#include "storage/postgres/database_error.hpp"

#include <iostream>

namespace tally::daemon {
namespace {

/// Returns the name of a source, given its id.
using source_names = std::function<std::string(ingest::uuid const&)>;

std::string digest_text(storage::import_file const& file) {
    return file.digest ? ingest::to_hex(*file.digest) : "";
}

void print_rows(std::vector<storage::import_row> const& rows, source_names const& names) {
    table_printer table{{{"id"},
                         {"started (UTC)"},
                         {"state"},
                         {"format"},
                         {"source"},
                         {"received", table_align::right},
                         {"committed", table_align::right},
                         {"duplicate", table_align::right},
                         {"suspended", table_align::right},
                         {"rejected", table_align::right},
                         {"runs", table_align::right},
                         {"file"}}};

    for (auto const& row : rows) {
        auto const& counts = row.counts;
        table.add({ingest::to_string(row.id), utc_column_text(row.started_at),
                   std::string{storage::label(row.state)}, row.file.format,
                   names(row.file.source_id), count_text(counts.received),
                   count_text(counts.committed), count_text(counts.duplicate),
                   count_text(counts.suspended), count_text(counts.rejected), count_text(row.runs),
                   row.file.name});
    }
    table.print(std::cout);
}

void print_rows_as_json(std::vector<storage::import_row> const& rows, source_names const& names) {
    for (auto const& row : rows) {
        auto const& counts = row.counts;
        ingest::json_writer json;
        json.open('{').key("id").value(ingest::to_string(row.id)).key("file").value(row.file.name);
        json.key("digest").value(digest_text(row.file)).key("format").value(row.file.format);
        json.key("source").value(names(row.file.source_id));
        json.key("state").value(storage::label(row.state));
        json.key("received").value(counts.received).key("committed").value(counts.committed);
        json.key("duplicate").value(counts.duplicate).key("suspended").value(counts.suspended);
        json.key("rejected").value(counts.rejected).key("runs").value(row.runs);
        json.key("failure")
            .value(row.failure)
            .key("started_at")
            .value(utc_column_text(row.started_at));
        json.key("finished_at").value(utc_column_text(row.finished_at));
        std::cout << json.close('}').text() << '\n';
    }
}

/// The table has to outlive what is returned.
source_names names_of(ingest::source_table const& sources) {
    return [&sources](ingest::uuid const& id) -> std::string {
        for (auto const& source : sources.all()) {
            if (source.id == id) {
                return source.name;
            }
        }

        // Deleted since: the id is all that is left of it.
        return ingest::to_string(id);
    };
}

} // namespace

int list_imports(config::settings const& settings, std::int32_t limit, bool as_json) {
    database const opened{settings, database_use::shared};
    storage::pq_connection connection{opened.connection_string(), "tallyd import list"};
    auto const rows = storage::list_imports(connection, limit);

    // Rows name their source by id. People know it by its name.
    auto const loaded = check(storage::load_sources(connection), "load the sources");
    auto const names = names_of(*loaded.sources);
    as_json ? print_rows_as_json(rows, names) : print_rows(rows, names);
    return exit_success;
}

} // namespace tally::daemon
