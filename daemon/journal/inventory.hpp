#pragma once

#include "ingest/journal/extent.hpp"
#include "storage/lane/position_store.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tally::daemon {

/// Records of a stream, [first_record, end_record).
struct record_range {
    std::uint64_t first_record = 0;
    std::uint64_t end_record = 0;

    friend bool operator==(record_range const&, record_range const&) = default;
};

/// A stream in the journal's folder, for operators.
struct inventoried_stream {
    std::string name;         ///< in ingest.positions
    std::size_t segments = 0; ///< with room for records
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> first_record; ///< of the first segment; nullopt: not readable
    std::optional<std::uint64_t>
        end_record;          ///< one past the last one; nullopt: damaged, not readable
    bool is_removed = false; ///< only its end is left
    std::vector<ingest::segment_extent> extents;
    std::optional<std::uint64_t> position; ///< in the database; nullopt: not asked

    /// The records that neither the journal nor the database has; nullopt: none are missing, or the
    /// position is not known. The rule is that of journal_feeder.
    [[nodiscard]] std::optional<record_range> gap() const;
};

/// What the folder holds now, oldest first. Takes no lock: a daemon may write to it meanwhile.
/// Throws std::runtime_error when the folder cannot be read.
std::vector<inventoried_stream> take_inventory(std::filesystem::path const& folder);

/// Asks for the position of each stream. Returns the first failure.
storage::result load_positions(storage::position_store& store,
                               std::vector<inventoried_stream>& streams);

} // namespace tally::daemon
