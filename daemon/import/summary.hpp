#pragma once

#include "daemon/import/job.hpp"
#include "daemon/import/ledger.hpp"

#include <chrono>
#include <iosfwd>
#include <map>
#include <string>

namespace tally::daemon {

/// The result of importing one file.
struct import_summary {
    std::string file;
    std::string format;
    std::string source;
    std::string id;     ///< in ingest.imports; empty: none (dry run)
    std::string digest; ///< SHA-256 in hexadecimal; empty for a pipe
    bool is_dry_run = false;
    /// "done", "already_imported", "failed", "stopped", "given_up"
    std::string state;
    std::string failure; ///< a text for the operator; empty: none
    import_counts counts;
    import_ledger::totals totals;
    std::map<ingest::record_error, std::uint64_t> rejected_by_reason; ///< with suspended ones
    std::string rejects_file;
    std::chrono::milliseconds elapsed{0};
};

/// "done", "failed", "stopped" or "given_up".
std::string state_text(import_end end);

/// Prints the counts as sums that add up, a few lines.
void write_text(std::ostream& out, import_summary const& summary);
/// Prints one line with a JSON object.
void write_json(std::ostream& out, import_summary const& summary);

} // namespace tally::daemon
