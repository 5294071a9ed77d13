#pragma once

#include "daemon/journal/feeder.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tally::daemon {

/// A stream of the journal on its way into the database.
struct journal_feeder::fed_stream {
    ingest::uuid id;
    std::string name;             ///< in ingest.positions
    ingest::journal_stream files; ///< of an earlier run
    bool is_own = false;

    std::shared_ptr<kept_position> kept; ///< nullptr: its position is not known yet
    std::unique_ptr<ingest::journal_reader> reader;
    std::unique_ptr<payer_decisions> decisions; ///< of blocks that carry none
    std::uint64_t next_record = 0;              ///< one past the last record that was read
    std::uint64_t opened_at = 0;                ///< the position in the database when it was opened
    std::uint64_t next_part = 0;                ///< where the next part of kept->prefix begins
    /// Its first segment, until it is known where that one begins.
    std::optional<ingest::segment_extent> unread;
    bool is_fed = false;                        ///< read to its end (an earlier stream)
    std::optional<clock::time_point> stored_at; ///< since when all of it is in the database
    clock::time_point removable_at;             ///< after a failure to remove its files

    [[nodiscard]] bool is_stored() const noexcept {
        return is_fed && kept->committed >= next_record;
    }
    /// Whether its position may move: it has records, or an operator has to settle a gap.
    [[nodiscard]] bool may_move() const noexcept {
        return !files.is_removed() || next_record != opened_at;
    }
};

} // namespace tally::daemon
