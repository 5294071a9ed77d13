#include "daemon/app/service_impl.hpp"

#include <spdlog/spdlog.h>

#include <thread>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

} // namespace

// After a start that was refused half-way, or an exception: threads may run already.
service::impl::~impl() {
    if (journal == nullptr) {
        return; // stop() has ended all, or there is nothing yet
    }

    // First those who call the other parts, then as in stop().
    if (endpoints != nullptr) {
        endpoints->stop();
    }
    schema.reset();
    watch.reset();
    suspense.reset();
    journal->close();
    end_records();
}

// Stops accepting, finishes the requests under way, drains the lanes, commits, stops. A second
// signal cuts this short. Nothing acknowledged is lost either way: the journal keeps it.
void service::impl::stop() {
    draining = true;
    bool const all_stored = drain();
    spdlog::info("event=drained complete={}", all_stored ? "yes" : "no");

    // The admin listener still answers while these end, so a stop that takes long can be examined.
    schema->stop();
    watch->stop();
    suspense->stop();
    provisioner->stop();
    maintenance->stop();

    // Half a second is enough for a scrape under way, and bounds a client that never reads.
    endpoints->drain_admin(milliseconds{500});

    // Senders that still wait for COMMIT get their responses from here: the worker threads, which
    // write those, go last.
    end_records();
    endpoints->stop();
    journal.reset();

    // R3: when all is stored, these numbers add up.
    auto const totals = counters.totals();
    spdlog::info("event=stopped received={} accepted={} rejected={} committed={} duplicate={} "
                 "suspended={}",
                 totals.received, totals.accepted, totals.rejected, totals.committed,
                 totals.duplicate, totals.suspended);

    // The embedded server goes last: every part above may have had a connection to it.
    endpoints.reset();
    store.reset();
}

// The feeder first, since it pushes into the lanes, and these wake the effects.
void service::impl::end_records() {
    journal->stop();
    lanes.reset();
    effects->stop();
    journal->finish();
}

// Waits for a signal that ends the drain now. The drain needs the embedded server: supervise it.
bool service::impl::cut_short_requested(milliseconds wait) {
    supervise();
    auto const signal = signals.wait(wait);
    bool const is_requested = signal == SIGTERM || signal == SIGINT;
    if (is_requested) {
        spdlog::warn("event=drain_cut_short");
    }
    return is_requested;
}

// What is left waits in the database.
bool service::impl::drain_effects(std::chrono::steady_clock::time_point deadline, bool& cut_short) {
    bool applied = effects->drain(milliseconds{0});
    while (!applied && !cut_short && can_store() && std::chrono::steady_clock::now() < deadline) {
        cut_short = cut_short_requested(milliseconds{0});
        applied = effects->drain(milliseconds{50});
    }
    return applied;
}

bool service::impl::drain() {
    // What cannot be stored, the journal keeps for the next run.
    milliseconds const limit{can_store() ? settings.settings.drain_timeout_ms : 0};
    auto const deadline = std::chrono::steady_clock::now() + limit;

    // Requests wait for their commits, so the servers drain while the lanes still work.
    std::atomic<bool> done{false};
    std::atomic<bool> complete{false};
    std::thread drainer{[&] {
        complete = endpoints->drain_records(limit);
        done = true;
    }};

    // Main must go on to look at signals and the embedded server, hence the thread.
    bool cut_short = false;
    while (!done && !cut_short) {
        cut_short = cut_short_requested(milliseconds{50});
    }

    // No push can come any longer: wait until the lanes have stored what the journal holds.
    journal->close();
    bool stored = can_store() && journal->drain(milliseconds{0});
    while (!stored && !cut_short && can_store() && std::chrono::steady_clock::now() < deadline) {
        cut_short = cut_short_requested(milliseconds{0});
        stored = journal->drain(milliseconds{50});
    }
    if (stored && !drain_effects(deadline, cut_short)) {
        spdlog::info("event=effects_left detail=\"they are applied at the next start\"");
    }

    if (cut_short) { // ends the drain of `drainer`, which would otherwise use up its limit
        endpoints->drain_records(milliseconds{0});
    }

    drainer.join();
    return complete && stored;
}

} // namespace tally::daemon
