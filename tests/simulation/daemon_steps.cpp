#include "tests/simulation/daemon_run.hpp"
#include "tests/simulation/world.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>

// The daemon's parts, as the scheduler steps them.

namespace tally::simulation {

using std::chrono::milliseconds;

void world::start() {
    spdlog::info("sim start");
    auto const had_files = !disk_.list(journal_path).empty();
    daemon_process_ = {};
    daemon_ = std::make_unique<daemon_run>(*this);
    positions_.begin_run(daemon_->writer.stream());
    if (had_files) {
        met("replay of an earlier run");
    }
    add_parts();
    if (chance(700)) {
        give_catalog();
    }
}

void world::add_parts() {
    auto& run = *daemon_;
    auto& owner = daemon_process_;
    scheduler_.add(owner, [this] { return send(); });
    scheduler_.add(
        owner, [this] { return flush(); }, [&run] { return run.writer.pending_bytes(); });
    scheduler_.add(
        owner, [this] { return feed(); }, [&run] { return run.writer.readable_end(); });
    scheduler_.add(owner, [this] { return keep(); });
    for (std::uint32_t lane = 0; lane < run.lanes.lanes(); ++lane) {
        scheduler_.add(
            owner, [this, lane] { return step_lane(lane); },
            [&run, lane] { return run.lanes.lane_queue(lane); });
    }
}

/// The process is gone at once. With the power also what was not synced may be.
void world::kill(bool with_power) {
    met(with_power ? "power lost" : "killed");
    spdlog::info("sim {}", with_power ? "power lost" : "killed");
    scheduler_.kill(daemon_process_);
    faults_on_ = false; // nothing interferes with the end of the objects
    end_run();
    faults_on_ = true;
    if (with_power) {
        disk_.lose_power();
    }
    lanes_ = chance(100) ? 1 + static_cast<std::uint32_t>(random_() % 3) : lanes_;
}

void world::end_run() {
    // What this run has removed is held against what it knew.
    if (disk_.changes() != files_seen_) {
        check_files();
    }
    positions_.end_run(daemon_->writer.readable_end());
    daemon_.reset();
}

/// What service::stop() does, with a limit that may be too short.
void world::stop_gracefully() {
    auto& run = *daemon_;
    if (run.feeder->oldest_of_earlier()) {
        met("drain during replay");
    }
    spdlog::info("sim stop");
    run.pushes->close();
    while (run.is_flushing || run.pushes->await_push()) {
        scheduler_.now += milliseconds{1};
        step_one();
    }
    run.feeder->drain();
    for (auto left = random_() % 800; left > 0 && !run.feeder->is_drained(); --left) {
        scheduler_.now += milliseconds{random_() % 10};
        step_one();
    }

    // A failover may have come since the last look at the database: what is kept heals that at the
    // next start.
    bool const is_drained = run.feeder->is_drained();
    if (is_drained && !has_failovers_) {
        check_stored("the daemon reports that all is drained");
    }
    met(is_drained ? "stopped gracefully, all stored" : "stopped gracefully, some left");
    end_stopped(is_drained);
    start();
}

void world::end_stopped(bool is_drained) {
    auto& run = *daemon_;
    daemon_process_.is_stopping = true;
    if (!scheduler_.finish(daemon_process_)) {
        throw broken_rule{"standstill: a part does not end when the daemon stops"};
    }
    if (is_drained && retain_ == std::chrono::seconds{0} &&
        run.writer.remove_all(run.feeder->committed()) == EBUSY) {
        throw broken_rule{"the journal is not stored although the daemon reports that it is"};
    }
    end_run();
    check_files();
}

/// Before a request of one part others may run, and the process may be killed.
void world::interleave() {
    scheduler_.check_killed();
    auto* const owner = scheduler_.running();
    if (owner == nullptr || !faults_on_ || owner->is_dying) {
        return;
    }
    if (chance(2)) {
        throw killed{owner};
    }
    if (chance(switch_per_mille_)) {
        scheduler_.wait(milliseconds{chance(100) ? random_() % 300 : 0});
    }
}

/// A slow fdatasync. The process may end during it: then the bytes may not be on disk.
int world::wait_for_disk() noexcept {
    if (scheduler_.running() == nullptr || !faults_on_ || !chance(100)) {
        return 0;
    }
    met("slow fsync");
    return scheduler_.wait_through(milliseconds{random_() % 3000}) ? 0 : EIO;
}

/// A lane waits before it repeats a request: the others go on. For how long is not the lane's
/// choice, which is random by itself: a schedule has to replay.
bool world::pause(process const& owner) {
    if (owner.is_stopping || owner.is_dying || scheduler_.running() != &owner) {
        return false;
    }
    if (faults_on_ && chance(5)) {
        return false; // it is told to give up
    }
    scheduler_.wait(milliseconds{20 << (random_() % 8)});
    return !owner.is_stopping;
}

world::duration world::flush() {
    auto& run = *daemon_;
    auto const before = run.writer.extents();
    bool const is_idle = run.feeder->committed() == run.writer.readable_end();
    run.is_flushing = true;
    run.pending.begin_flush();
    run.pushes->step(scheduler_.now);
    run.pending.end_flush();
    run.is_flushing = false;
    auto const after = run.writer.extents();
    if (!after.empty()) {
        positions_.released(after.front().first_record);
    }
    if (is_idle && !before.empty() && after.back().number > before.back().number) {
        met("segment rolled over with nothing under way");
    }
    if (!before.empty() && after.front().number > before.front().number) {
        met("segment released between two looks");
    }
    if (run.pushes->is_full()) {
        met("journal full");
    }
    return milliseconds{200};
}

world::duration world::feed() {
    auto& run = *daemon_;
    auto const decided = server_.now().decisions.size();
    if (run.keeper.has_lost()) {
        positions_.begin_again();
    }
    auto const next = run.feeder->step(scheduler_.now);
    if (next.wait == milliseconds{2}) {
        met("queue full");
    }
    if (server_.now().decisions.size() > decided) {
        met("payers decided by the feeder");
    }
    note_gaps();
    return next.wait;
}

world::duration world::keep() {
    auto& run = *daemon_;
    bool const knew = run.keeper.has_lost();
    auto const wait = run.keeper.step(scheduler_.now);
    if (!knew && run.keeper.has_lost()) {
        met("database went back, noticed");
    }
    return wait;
}

world::duration world::step_lane(std::uint32_t lane) {
    auto& run = *daemon_;
    if (run.ended_lanes.contains(lane)) {
        return std::chrono::hours{1};
    }
    auto& stepped = run.lanes.lane_at(lane);
    if (chance(500)) {
        stepped.await_slice({}); // one that comes while the lane waits
    }
    auto const next = stepped.step(scheduler_.now);
    if (next.is_over) {
        met("lane ended by itself");
        run.ended_lanes.insert(lane);
        run.failures.report("lane", "ended");
    }
    return next.wait;
}

} // namespace tally::simulation
