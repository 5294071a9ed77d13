#pragma once

#include "ingest/record/push_counts.hpp"

namespace tally::ingest {

/// Hears of the records that senders push, by whatever protocol; in the daemon, its metrics. Called
/// once per push, never per record. Any thread, several at once.
class push_observer {
  public:
    push_observer() = default;
    push_observer(push_observer const&) = delete;
    push_observer& operator=(push_observer const&) = delete;
    virtual ~push_observer() = default;

    virtual void counted(push_counts const& counts) noexcept = 0;
    /// Seconds from the head of a push to its response, for pushes that were stored.
    virtual void acknowledged(double seconds) noexcept = 0;
};

} // namespace tally::ingest
