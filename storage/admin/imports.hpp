#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

enum class import_state : std::uint8_t { running, done, failed, reverted };

/// The label in the database: "running".
std::string_view label(import_state state) noexcept;

/// The outcomes of a file's records so far. When the import is done,
/// received = committed + duplicate + suspended + rejected.
struct import_counts {
    std::int64_t received = 0;
    std::int64_t committed = 0;
    std::int64_t duplicate = 0;
    std::int64_t suspended = 0;
    std::int64_t rejected = 0;

    friend bool operator==(import_counts const&, import_counts const&) = default;
};

/// SHA-256 of a file's bytes, still compressed if it is.
using file_digest = std::array<std::uint8_t, 32>;

/// A file that was given to tallyd import.
struct import_file {
    std::string name;
    std::optional<file_digest> digest; ///< nullopt: standard input, each time a new import
    std::string format;
    ingest::uuid source_id;
    std::optional<std::int64_t> bytes_total;

    friend bool operator==(import_file const&, import_file const&) = default;
};

/// One row of ingest.imports.
struct import_row {
    ingest::uuid id;
    import_file file;
    import_state state = import_state::running;
    import_counts counts;
    std::int32_t runs = 1; ///< how often it was begun
    std::string failure;   ///< why it failed; empty: it did not fail
    ingest::time_us started_at = 0;
    ingest::time_us finished_at = ingest::never_us;
    ingest::time_us reverted_at = ingest::never_us;

    friend bool operator==(import_row const&, import_row const&) = default;
};

// The functions throw database_error.

/// Begins an import. If this file (digest, source and format) has a row that is not reverted, that
/// row becomes running again, with its counts and with one more run; otherwise it is a new row. Two
/// sessions that begin one file at the same time get the same row.
import_row begin_import(pq_connection& connection, import_file const& file);

/// The row that begin_import() would continue; nullopt if there is none.
std::optional<import_row> find_import(pq_connection& connection, import_file const& file);

/// The row of an id; nullopt if there is none.
std::optional<import_row> get_import(pq_connection& connection, ingest::uuid const& id);

/// Records the counts of a running import. They are totals, not increments. bad_data if it is not
/// running.
void update_import(pq_connection& connection, ingest::uuid const& id, import_counts const& counts);

/// Ends a run: `done`, or `failed` with a reason. bad_data if there is no such row or it was
/// reverted meanwhile.
void finish_import(pq_connection& connection, ingest::uuid const& id, import_state state,
                   import_counts const& counts, std::string_view failure = {});

/// Imports, latest first.
std::vector<import_row> list_imports(pq_connection& connection, std::int32_t limit);

} // namespace tally::storage
