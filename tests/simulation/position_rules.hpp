#pragma once

#include "ingest/base/uuid.hpp"
#include "storage/lane/position_store.hpp"
#include "tests/simulation/broken_rule.hpp"
#include "tests/simulation/model_server.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace tally::simulation {

/// Watches how far streams are stored, as the database, the daemon and the journal say (R2, R5):
///
///     stored in the database   never goes down, except by a failover
///     confirmed by the daemon  never beyond what is stored; goes down only after a failover
///                              that it has noticed
///     released by the journal  never beyond what is stored
///
/// Between a failover and its notice the daemon may believe what was true before.
class position_rules {
  public:
    /// Whether the disk has files of a stream.
    using file_search = std::function<bool(ingest::uuid const&)>;

    position_rules(model_server& server, file_search has_files);

    /// Before a commit. What is wrong is kept for check(): an exception would end in a lane.
    void stored(model_state const& before, model_state const& after);
    void wanted(storage::position_move const& move);
    void failed_over();
    /// Throws the first rule that was broken.
    void check() const;

    // The daemon's stream of this run. All throw broken_rule.
    void begin_run(ingest::uuid const& stream);
    /// The feeder begins again, because the keeper has noticed a loss.
    void begin_again();
    void confirmed(std::uint64_t position);
    void released(std::uint64_t position);
    /// The run is over. Its records below `end` are in the journal.
    void end_run(std::uint64_t end);
    /// Files of earlier runs may have been removed.
    void removed();

    // The import's stream.
    void begin_import(std::string const& stream);
    void import_confirmed(std::uint64_t position);

  private:
    /// A reader, and what it was told.
    struct reader {
        std::string stream;
        std::uint64_t confirmed = 0;
        std::optional<std::uint64_t> released{}; ///< nullopt: there is no segment yet
        std::uint64_t failovers = 0;             ///< since it began
        std::uint64_t noticed = 0;               ///< of these
        bool begins_again = false;
    };
    struct ended_stream {
        ingest::uuid id;
        std::uint64_t end = 0;
    };

    void hold(reader const& one, std::uint64_t position, char const* act) const;
    void confirm(reader& one, std::uint64_t position);
    void keep_broken(std::string rule);
    [[nodiscard]] std::uint64_t position_of(std::string const& stream) const;
    [[nodiscard]] std::uint64_t highest_of(std::string const& stream) const;

    model_server& server_;
    file_search has_files_;
    std::string broken_;                             ///< the first rule; empty: none
    std::map<std::string, std::uint64_t> highest_;   ///< that was ever stored
    std::map<std::string, std::uint64_t> forgotten_; ///< of streams that were removed, before
    std::map<std::string, ended_stream> ended_;      ///< runs whose files may be there
    ingest::uuid own_;
    reader daemon_;
    reader import_;
};

} // namespace tally::simulation
