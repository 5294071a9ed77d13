#include "storage/batch/batch.hpp"

namespace tally::storage {

void batch::clear() noexcept {
    // The vectors keep their memory: a lane fills one batch after the other.
    calls.clear();
    events.clear();
    usage.clear();
    metrics.clear();
    unique_values.clear();
    balances.clear();
    daily.clear();
    suspense.clear();
    resolved.clear();
    import_id = {};
    required.clear();
    duplicates = 0;
    bytes = 0;
    session = 0;
}

} // namespace tally::storage
