#include "storage/catalog/source_loader.hpp"

#include "ingest/json/number_rules.hpp"
#include "rating/clock/calendar.hpp"

#include <algorithm>
#include <stdexcept>

namespace tally::storage {

namespace {

constexpr char const* sources_sql =
    "SELECT id, name, token_sha256, is_active, time_zone, b_legs, percent_decode, body_bytes_max,"
    " record_bytes_max, number_rules::text FROM ingest.sources ORDER BY name";

// One row per source and format, so that no binary array has to be parsed.
constexpr char const* formats_sql = "SELECT id, unnest(formats) FROM ingest.sources ORDER BY name";

ingest::percent_policy percent_of(std::string_view label) noexcept {
    if (label == "on") {
        return ingest::percent_policy::always;
    }
    return label == "off" ? ingest::percent_policy::never : ingest::percent_policy::automatic;
}

bool is_zone(std::string_view name) {
    // The constructor throws for a zone that the system does not know.
    try {
        rating::calendar{name};
        return true;
    } catch (std::invalid_argument const&) {
        return false;
    }
}

/// Sets the source's number rules. A source whose rules cannot be read is inactive: numbers that
/// are read wrongly would be billed wrongly.
void take_number_rules(std::string_view json, ingest::source& out, load_warnings& warnings) {
    auto reading = ingest::read_number_rules(json);
    out.numbers = std::move(reading.rules);
    if (!reading.problems.empty()) {
        warnings.add("source '" + out.name +
                     "' is switched off: number rules: " + reading.problems.front());
        out.is_active = false;
    }
}

ingest::source source_at(pq_rows const& rows, int i, load_warnings& warnings) {
    ingest::source out;
    out.id = uuid_at(rows, i, 0);
    out.name = bytes_at(rows, i, 1);
    std::string_view const digest = bytes_at(rows, i, 2);
    out.has_token = digest.size() == out.token_sha256.size();
    if (out.has_token) {
        std::copy(digest.begin(), digest.end(), out.token_sha256.begin());
    }
    out.is_active = bool_at(rows, i, 3);
    out.time_zone = bytes_at(rows, i, 4);

    // Times without an offset would be read wrongly, and billed wrongly: the source is refused
    // instead.
    if (!is_zone(out.time_zone)) {
        warnings.add("source '" + out.name + "' is switched off: no time zone '" + out.time_zone +
                     "'");
        out.time_zone = "UTC";
        out.is_active = false;
    }

    // How records are read, and how large they may be.
    out.b_legs =
        bytes_at(rows, i, 5) == "skip" ? ingest::b_leg_policy::skip : ingest::b_leg_policy::accept;
    out.percent = percent_of(bytes_at(rows, i, 6));
    out.body_bytes_max = static_cast<std::size_t>(int32_at(rows, i, 7));
    out.record_bytes_max = static_cast<std::size_t>(int32_at(rows, i, 8));
    take_number_rules(bytes_at(rows, i, 9), out, warnings);
    return out;
}

expected<std::vector<ingest::source>> read_sources(pq_connection& connection,
                                                   load_warnings& warnings) {
    pq_rows rows;
    parameters none;
    result status = connection.query(sources_sql, none, rows);
    std::vector<ingest::source> sources;
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        sources.push_back(source_at(rows, i, warnings));
    }

    // A source without formats accepts all of them; the second query has no row of it.
    if (status.ok()) {
        status = connection.query(formats_sql, none, rows);
    }
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        auto const owner = std::ranges::find(sources, uuid_at(rows, i, 0), &ingest::source::id);
        if (owner != sources.end()) {
            owner->formats.emplace_back(bytes_at(rows, i, 1));
        }
    }
    return status.ok() ? expected{std::move(sources)} : status;
}

} // namespace

expected<loaded_sources> load_sources(pq_connection& connection) {
    // Both queries in one snapshot, so that a source is not read half before and half after a
    // change.
    loaded_sources loaded;
    result status = connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    pq_connection::pin const one_session{connection};
    if (status.ok()) {
        auto sources = read_sources(connection, loaded.warnings);
        status = sources.status();
        if (sources.ok()) {
            loaded.sources = std::make_shared<ingest::source_table const>(*std::move(sources));
        }
    }

    if (connection.is_open()) {
        result const ended = connection.execute("ROLLBACK"); // the transaction only read
        status = status.ok() ? ended : status;
    }
    return status.ok() ? expected{std::move(loaded)} : status;
}

expected<loaded_sources> load_sources(std::string const& connection_string) {
    pq_connection connection{connection_string, "tallyd sources"};
    return load_sources(connection);
}

} // namespace tally::storage
