#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/batch/event_statements.hpp"

#include <memory>
#include <vector>

namespace tally::storage {

/// The effects of events, which functions of the database (apply_*) decide and write: calls the
/// function of each kind for its events, in order of arrival, within an open transaction. One
/// thread.
class event_effects {
  public:
    /// failure::refused if some effects are not possible: `verdicts` says which and why, and the
    /// caller rolls back. Makes no request for a batch without such events.
    result apply(pq_connection& connection, batch const& rows, std::vector<verdict>& verdicts);

  private:
    std::vector<std::unique_ptr<apply_rows>> arrays_; ///< one per statement in use
    std::vector<pipelined> statements_;
    pipeline_outcome outcome_;
};

} // namespace tally::storage
