#pragma once

#include "daemon/journal/push_journal.hpp"
#include "daemon/threads/failure_report.hpp"

#include <thread>

namespace tally::daemon {

/// The thread that writes a journal of pushes: it only steps it. When it cannot continue, nothing
/// more is acknowledged. The journal outlives it.
class push_journal_thread {
  public:
    push_journal_thread(push_journal& journal, failure_report& failures);
    ~push_journal_thread() { finish(); }
    push_journal_thread(push_journal_thread const&) = delete;
    push_journal_thread& operator=(push_journal_thread const&) = delete;

    /// Closes the journal. All pushes that were taken are on disk when it returns.
    void finish() noexcept;

  private:
    void run() noexcept;

    push_journal& journal_;
    failure_report& failures_;
    std::thread thread_;
};

} // namespace tally::daemon
