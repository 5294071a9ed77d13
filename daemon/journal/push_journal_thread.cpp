#include "daemon/journal/push_journal_thread.hpp"

namespace tally::daemon {

push_journal_thread::push_journal_thread(push_journal& journal, failure_report& failures)
    : journal_{journal}, failures_{failures}, thread_{[this] { run(); }} {}

void push_journal_thread::finish() noexcept {
    journal_.close();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void push_journal_thread::run() noexcept {
    try {
        while (journal_.await_push()) {
            journal_.step(std::chrono::steady_clock::now());
        }
    } catch (std::exception const& error) {
        // Out of memory, or a bug. What was not acknowledged is sent again.
        journal_.end();
        failures_.report("journal_writer", error.what());
    }
}

} // namespace tally::daemon
