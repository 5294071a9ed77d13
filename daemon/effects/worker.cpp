#include "daemon/effects/worker.hpp"

#include "daemon/pipeline/watched_stores.hpp"
#include "storage/postgres/failure_class.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

/// Effects of this daemon wake the worker; those that another one left behind wait this long.
constexpr milliseconds poll_every{1000};
/// After a failure: short at first, for a lock that is soon released, then longer, for an outage.
constexpr milliseconds pause_first{50};
constexpr milliseconds pause_max{5000};
/// Counting a million rows takes some 0.1 s of a core.
constexpr milliseconds count_every{5000};

} // namespace

effects_worker::effects_worker(std::unique_ptr<storage::effect_store> store,
                               effects_observer observer, failure_report& failures)
    : observer_{std::move(observer)}, failures_{failures}, store_{std::move(store)} {}

effects_worker::~effects_worker() {
    stop();
}

void effects_worker::start() {
    thread_ = std::thread{[this] { run(); }};
}

/// Called by lanes after each batch with effects, so it only sets a flag.
void effects_worker::wake() noexcept {
    {
        std::lock_guard const lock{mutex_};
        is_woken_ = true;
    }
    wake_.notify_all();
}

/// True when a whole cycle has run since the first call. Without a thread there is nothing to wait
/// for.
bool effects_worker::drain(milliseconds limit) {
    std::unique_lock lock{mutex_};

    // Ends the pause, also one after a failure: a drain has a deadline.
    draining_ = true;
    wake_.notify_all();
    return !thread_.joinable() || wake_.wait_for(lock, limit, [this] { return ended_; });
}

void effects_worker::stop() noexcept {
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
    }
    wake_.notify_all();

    // Its transaction is rolled back, and the effects stay in the queue (R17).
    store_->cancel();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void effects_worker::run() noexcept {
    auto pause = milliseconds{0};
    while (wait(pause)) {
        pulse_.work();
        try {
            pause = apply();
        } catch (std::exception const& error) { // out of memory, or a bug
            failures_.report("effects", error.what());
        }
        pulse_.rest();
    }
    {
        std::lock_guard const lock{mutex_};
        ended_ = true;
    }
    wake_.notify_all();
}

/// False: the worker ends. After a failure new effects do not shorten the pause.
bool effects_worker::wait(milliseconds time) {
    std::unique_lock lock{mutex_};
    wake_.wait_for(lock, time, [this] {
        return (is_woken_ && pause_ == milliseconds{0}) || draining_ || stopping_;
    });
    is_woken_ = false;

    // One cycle that begins after the drain sees all that was queued.
    bool const is_done = std::exchange(in_last_cycle_, draining_);
    return !stopping_ && !is_done;
}

bool effects_worker::is_stopping() {
    std::lock_guard const lock{mutex_};
    return stopping_;
}

/// How long to wait until the next cycle.
milliseconds effects_worker::apply() {
    // One session at a time applies effects, so this may wait for another daemon's turn (R17).
    auto status = apply_waiting();

    // Those that cannot be applied are counted as well: an alert is about them.
    if (status.ok() || !storage::is_without_session(status)) {
        auto const counted = count_waiting();
        status = status.ok() ? counted : status;
    }
    if (status.ok()) {
        pause_ = milliseconds{0};
        return poll_every;
    }

    // The effects are in the database: nothing is lost while it is unavailable.
    pause_ = std::clamp(2 * pause_, pause_first, pause_max);
    if (!store_->is_cancelled()) {
        spdlog::warn("event=effects_not_applied sqlstate={} detail=\"{}\"", status.sqlstate,
                     status.detail);
    }
    return pause_;
}

/// Portion by portion, until a portion is not full or the worker stops.
storage::result effects_worker::apply_waiting() {
    // A full portion means that more may wait. A lane's wake-up is not needed for those.
    storage::effect_counts done;
    storage::result status;
    std::size_t suspended = 0;
    do {
        status = watched(pulse_, "apply", [&] { return store_->apply_next(done); });
        if (done.taken() > 0) {
            observer_.applied(done);
        }
        suspended += static_cast<std::size_t>(done.suspended);
    } while (status.ok() && done.taken() > 0 && !is_stopping());

    // Once per cycle: many may be refused one by one.
    if (suspended > 0) {
        spdlog::warn("event=effects_suspended count={} detail=\"see tallyd suspense list\"",
                     suspended);
    }
    return status;
}

storage::result effects_worker::count_waiting() {
    if (clock::now() < counted_at_ + count_every) {
        return {};
    }

    // Counted at most every few seconds: for metrics alone.
    storage::waiting_effects left;
    auto status = watched(pulse_, "count", [&] { return store_->waiting(left); });
    if (status.ok()) {
        observer_.waiting(left);
        counted_at_ = clock::now();
    }
    return status;
}

} // namespace tally::daemon
