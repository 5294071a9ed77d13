#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/batch/event_statements.hpp"

#include <memory>
#include <vector>

namespace tally::storage {

/// What events do besides being stored, by functions of the database (apply_*): calls each kind's
/// for its events, in order of arrival, within an open transaction. One thread.
class event_effects {
  public:
    /// failure::refused when some events are not possible: `verdicts` says which, and the
    /// transaction is to be rolled back. Nothing to do for a batch without such events.
    result apply(pq_connection& on, batch const& what, std::vector<verdict>& verdicts);

  private:
    std::vector<std::unique_ptr<apply_rows>> arrays_; ///< one per statement in use
    std::vector<pipelined> statements_;
    pipeline_outcome outcome_;
};

} // namespace tally::storage
