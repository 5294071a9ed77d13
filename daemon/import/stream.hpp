#pragma once

#include "daemon/pipeline/payer_decisions.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/pipeline/position_keeper.hpp"
#include "daemon/threads/paced_thread.hpp"
#include "storage/lane/position_store.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

/// The store that the import's thread uses, and the one of the thread that writes the position.
struct stream_stores {
    std::unique_ptr<storage::position_store> decisions;
    std::unique_ptr<storage::position_store> positions;
};

/// The position of a file in the database, while it is imported: where the import begins, who pays
/// for its records, and a thread that moves the position behind the lanes.
class import_stream {
  public:
    /// Reads the position and the decisions of earlier runs. Throws storage::command_error if the
    /// database refuses.
    import_stream(stream_stores stores, std::string name, payer_decisions::catalog_source catalog,
                  pipeline& lanes);

    [[nodiscard]] std::shared_ptr<kept_position> const& kept() const noexcept { return kept_; }
    /// Decides who pays for a block's calls, for good; repeats it while the database does not
    /// answer. False: `is_stopping` said so, or the database went back.
    bool decide(std::unique_ptr<ingest::record_block> const& block,
                std::function<bool()> const& is_stopping);
    /// The database lacks what it had committed of this import: it cannot go on.
    [[nodiscard]] bool has_lost() const noexcept { return position_keeper_.has_lost(); }
    /// Waits until the position is written up to the stored prefix. False: the database has lost
    /// what it had committed, or does not answer.
    bool finish(std::chrono::milliseconds limit);

  private:
    void run() noexcept;

    stream_stores stores_;
    payer_decisions decisions_;
    std::shared_ptr<kept_position> kept_;
    position_keeper position_keeper_;
    paced_thread thread_;
};

} // namespace tally::daemon
