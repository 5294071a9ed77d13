#pragma once

#include "storage/pqxx_session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// A file that is to be imported: what makes it the same file again.
struct import_file {
    std::string name;   ///< as the operator gave it
    std::string digest; ///< SHA-256 in hexadecimal; empty for a pipe
    std::string format;
    std::string source_id; ///< uuid
    std::optional<std::uint64_t> bytes;
};

/// A row of ingest.imports. Times as PostgreSQL writes them, in UTC to the second.
struct import_row {
    std::string id; ///< uuid
    std::string name;
    std::string digest;
    std::string format;
    std::string source;
    std::string state; ///< "running", "done", "failed", "reverted"
    std::uint64_t received = 0;
    std::uint64_t committed = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t suspended = 0;
    std::uint64_t rejected = 0;
    std::uint64_t runs = 0;
    std::string failure;
    std::string started_at;
    std::string finished_at; ///< empty: not yet
};

/// What the run that ends now knows of the whole file.
struct import_totals {
    std::uint64_t received = 0; ///< read, also those that an earlier run stored
    std::uint64_t accepted = 0; ///< of them; the rest was rejected or left out by settings
    std::uint64_t rejected = 0;
};

/// The rows of ingest.imports. `committed` and `suspended` are added up from ingest.batches, which
/// are part of the transactions that stored the records: right also after a kill.
///
/// Used by one thread; throws sql_error.
class imports {
  public:
    explicit imports(pqxx_session& session) : session_{session} {}

    /// The row of the same file in the same format from the same source, unless it was reverted.
    std::optional<import_row> find(import_file const& file);
    /// Begins or begins again: state running, one more run. Gives the row's id.
    std::string begin(import_file const& file);
    /// `state` is "done", "failed", or "running" for a run that can be taken up again.
    void finish(std::string const& id, std::string_view state, import_totals const& totals,
                std::string const& failure);
    /// The newest first.
    std::vector<import_row> list(std::size_t limit);

  private:
    pqxx_session& session_;
};

} // namespace tally::storage
