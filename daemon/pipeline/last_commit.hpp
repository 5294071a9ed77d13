#pragma once

#include "ingest/base/uuid.hpp"

#include <mutex>

namespace tally::daemon {

/// The id of the last commit of one session's chain (a lane's batches, the decisions on payers):
/// the next one is made only where this one is (docs/ARCHITECTURE.md, R5). Nil: none, or positions
/// vouch for it, or the database went back. Any thread.
class last_commit {
  public:
    [[nodiscard]] ingest::uuid get() const {
        std::lock_guard const lock{mutex_};
        return id_;
    }
    void set(ingest::uuid const& id) {
        std::lock_guard const lock{mutex_};
        id_ = id;
    }
    void forget() { set({}); }
    /// Forgets it if it is still this one.
    void forget(ingest::uuid const& id) {
        std::lock_guard const lock{mutex_};
        if (id_ == id) {
            id_ = {};
        }
    }

  private:
    mutable std::mutex mutex_; ///< guards id_
    ingest::uuid id_;
};

} // namespace tally::daemon
