#include "tests/simulation/world.hpp"

#include "tests/simulation/customers.hpp"
#include "tests/simulation/daemon_run.hpp"

#include "ingest/base/time.hpp"
#include "ingest/formats/formats.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

namespace tally::simulation {

namespace {

using std::chrono::milliseconds;

/// The process ends here, without a further instruction.
struct killed {};

/// Pauses of a lane in one step: some minutes of virtual time.
constexpr unsigned pauses_max = 5000;

enum actor : unsigned { sender, flusher, feeder, position_actor, first_lane };

} // namespace

std::vector<std::string> const& situations_wanted() {
    static std::vector<std::string> const wanted{
        "killed",
        "power lost",
        "stopped gracefully, all stored",
        "stopped gracefully, some left",
        "drain during replay",
        "failover that lost commits",
        "database went back, noticed",
        "lane ended by itself",
        "answer to COMMIT lost",
        "duplicate in a batch",
        "record of this run stored by a rival",
        "no credit for the feeder",
        "journal refused a push",
        "segment rolled over with nothing under way",
        "segment released between two looks",
        "payers decided by the feeder",
        "number moved to another account",
        "replay of an earlier run",
        "database down",
    };
    return wanted;
}

world::world(std::uint64_t seed, situations& met)
    : random_{seed}, met_{met}, disk_{seed + 1}, sources_{two_sources()} {
    seed_ids(seed);
    catalogs_ = {catalog_with(0), catalog_with(1), catalog_with(2)};
    lanes_ = 1 + static_cast<std::uint32_t>(random_() % 3);
    segment_bytes_ = 4096 << (random_() % 3);
    memory_bytes_ = chance(500) ? 8'000 : 200'000;
    retain_ = std::chrono::seconds{chance(500) ? 3600 : random_() % 3};
    now_ = std::chrono::steady_clock::time_point{std::chrono::hours{1000}};
    faults_.interleave = [this] { interleave(); };
    faults_.chance = [this](unsigned per_mille) { return faults_on_ && chance(per_mille); };
    faults_.met = [this](char const* situation) { this->met(situation); };
    is_active_.assign(first_lane + 8, false);
}

world::~world() = default;

void world::start() {
    spdlog::info("sim start");
    auto const had_files = !disk_.list(journal_path).empty();
    daemon_ = std::make_unique<daemon_run>(*this);
    is_active_.assign(is_active_.size(), false);
    depth_ = 0;
    if (had_files) {
        met("replay of an earlier run");
    }
    if (chance(700)) {
        daemon_->lanes.set_catalog(catalogs_[catalog_]);
        daemon_->has_catalog = true;
    }
}

/// The process is gone at once. With the power also what was not synced may be.
void world::kill(bool with_power) {
    met(with_power ? "power lost" : "killed");
    spdlog::info("sim {}", with_power ? "power lost" : "killed");
    faults_on_ = false; // nothing interferes with the end of the objects
    daemon_.reset();
    faults_on_ = true;
    if (with_power) {
        disk_.lose_power();
    }
    lanes_ = chance(100) ? 1 + static_cast<std::uint32_t>(random_() % 3) : lanes_;
}

/// What service::stop() does, with a limit that may be too short.
void world::stop_gracefully() {
    auto& run = *daemon_;
    if (run.feeder->oldest_of_earlier()) {
        met("drain during replay");
    }
    spdlog::info("sim stop");
    run.pushes->close();
    flush();
    run.feeder->drain();
    for (auto left = random_() % 200; left > 0 && !run.feeder->is_drained(); --left) {
        act(flusher + static_cast<unsigned>(random_() % (first_lane - 1 + lanes_)));
        now_ += milliseconds{random_() % 30};
    }
    bool const is_drained = run.feeder->is_drained();
    // A failover may have come since the last look at the database: what is kept heals that at the
    // next start.
    if (is_drained && !has_failovers_) {
        check_stored("the daemon reports that all is drained");
    }
    met(is_drained ? "stopped gracefully, all stored" : "stopped gracefully, some left");
    if (is_drained && retain_ == std::chrono::seconds{0}) {
        if (run.writer.remove_all(run.feeder->committed()) == 0) {
            static_cast<void>(run.feeder_positions.forget(
                daemon::journal_feeder::stream_name(run.writer.stream())));
        }
    }
    run.is_stopping = true;
    daemon_.reset();
}

void world::run() {
    has_failovers_ = retain_ > std::chrono::seconds{60} && chance(600);
    start();
    auto const ticks = 100 + random_() % 300;
    bool const has_kills = chance(800);
    // A full disk takes what is kept for a failover.
    bool const may_fill = !has_failovers_;
    disk_.fail_per_mille(may_fill && chance(300) ? 20 : 0, chance(300) ? 20 : 0,
                         may_fill && chance(200) ? 50 : 0, chance(200) ? 5 : 0);
    for (std::uint64_t i = 0; i < ticks; ++i) {
        try {
            tick();
            if (has_failovers_ && chance(12)) {
                fail_over();
            }
            if (has_kills && chance(10)) {
                throw killed{};
            }
            if (chance(6)) {
                stop_gracefully();
                start();
            }
            if (daemon_->failures.has_failed()) {
                throw killed{};
            }
        } catch (killed const&) {
            kill(chance(400));
            start();
        }
    }
    drain();
}

/// One step of something.
void world::tick() {
    now_ += milliseconds{chance(50) ? random_() % 2000 : random_() % 10};
    if (chance(15)) {
        change_catalog();
    }
    if (chance(20)) {
        act_as_rival();
    }
    if (chance(10)) {
        server_.is_down = !server_.is_down;
        met("database down");
        if (server_.is_down) {
            server_.end_sessions();
        }
    }
    if (!daemon_->has_catalog && chance(100)) {
        daemon_->lanes.set_catalog(catalogs_[catalog_]);
        daemon_->has_catalog = true;
    }
    act(static_cast<unsigned>(random_() % (first_lane + lanes_)));
}

void world::act(unsigned actor) {
    pauses_ = depth_ == 0 ? 0 : pauses_;
    if (is_active_[actor] || daemon_ == nullptr) {
        return;
    }
    is_active_[actor] = true;
    switch (actor) {
    case sender:
        send();
        break;
    case flusher:
        flush();
        break;
    case feeder:
        feed();
        break;
    case position_actor:
        keep();
        break;
    default:
        step_lane(actor - first_lane);
        break;
    }
    is_active_[actor] = false;
    if (stands_still_ && depth_ == 0) {
        throw broken_rule{"standstill: a lane waits without end"};
    }
}

/// Before a request of one part other parts may run, and the process may be killed.
void world::interleave() {
    if (!faults_on_ || depth_ >= 3) {
        return;
    }
    if (chance(3)) {
        throw killed{};
    }
    if (chance(300)) {
        ++depth_;
        act(static_cast<unsigned>(random_() % (first_lane + lanes_)));
        if (chance(50)) {
            act_as_rival();
        }
        --depth_;
    }
}

/// A lane waits before it repeats a request: time passes, and the others go on.
bool world::pause() {
    if (daemon_ == nullptr || daemon_->is_stopping) {
        return false;
    }
    if (++pauses_ > pauses_max) {
        stands_still_ = true; // act() ends the schedule
        return false;
    }
    now_ += milliseconds{50};
    if (faults_on_ && chance(250)) {
        server_.is_down = false;
    }
    if (faults_on_ && chance(10)) {
        return false; // it is told to give up
    }
    if (depth_ >= 3) {
        return chance(900); // what it waits for is in the middle of a step itself
    }
    ++depth_;
    for (unsigned actor = feeder; actor <= position_actor; ++actor) {
        act(actor);
    }
    --depth_;
    interleave();
    return true;
}

void world::flush() {
    auto& run = *daemon_;
    auto const before = run.writer.extents();
    bool const is_idle = run.feeder->committed() == run.writer.readable_end();
    run.pushes->step(now_);
    auto const after = run.writer.extents();
    if (is_idle && !before.empty() && after.back().number > before.back().number) {
        met("segment rolled over with nothing under way");
    }
    if (!before.empty() && after.front().number > before.front().number) {
        met("segment released between two looks");
    }
}

void world::feed() {
    auto& run = *daemon_;
    auto const decided = server_.now().decisions.size();
    auto const turn = run.feeder->step(now_);
    if (turn.wait == milliseconds{2}) {
        met("no credit for the feeder");
    }
    if (server_.now().decisions.size() > decided) {
        met("payers decided by the feeder");
    }
}

void world::keep() {
    auto& run = *daemon_;
    bool const knew = run.position_guard.has_lost();
    run.position_guard.step(now_);
    if (!knew && run.position_guard.has_lost()) {
        met("database went back, noticed");
    }
}

void world::step_lane(std::uint32_t lane) {
    auto& run = *daemon_;
    if (lane >= run.lanes.lanes() || run.ended_lanes.contains(lane)) {
        return;
    }
    if (run.lanes.lane_at(lane).step(now_).is_over) {
        met("lane ended by itself");
        run.ended_lanes.insert(lane);
        run.failures.report("lane", "ended");
    }
}

void world::change_catalog() {
    catalog_ = random_() % catalogs_.size();
    if (daemon_->has_catalog) {
        daemon_->lanes.set_catalog(catalogs_[catalog_]);
    }
    met("number moved to another account");
}

/// Another daemon on the same database: changes usage rows, and stores a record that was sent to
/// both, with the same account.
void world::act_as_rival() {
    if (server_.is_down || server_.now().usage.empty()) {
        return;
    }
    auto next = server_.now();
    for (auto const& call : rivals_) {
        next.calls.try_emplace(call.columns.key, call);
    }
    auto index = static_cast<std::ptrdiff_t>(random_() % next.usage.size());
    auto& row = std::next(next.usage.begin(), index)->second;
    if (row.version > 0 && !server_.is_locked(std::next(next.usage.begin(), index)->first, this)) {
        ++row.version;
        server_.commit(std::move(next));
        met("record of this run stored by a rival");
    }
}

void world::fail_over() {
    auto const before = server_.now().batches.size();
    spdlog::info("sim failover");
    server_.fail_over(1 + random_() % 12);
    if (server_.now().batches.size() < before) {
        met("failover that lost commits");
    }
}

/// No more faults: everything must come into the database, in bounded time.
void world::drain() {
    faults_on_ = false;
    server_.is_down = false;
    disk_.fail_per_mille(0, 0, 0);
    if (!daemon_->has_catalog) {
        daemon_->lanes.set_catalog(catalogs_[catalog_]);
        daemon_->has_catalog = true;
    }
    daemon_->pushes->close();
    bool is_draining = false;
    for (int i = 0; i < 4000; ++i) {
        now_ += milliseconds{20};
        for (unsigned actor = flusher; actor < first_lane + lanes_; ++actor) {
            act(actor);
        }
        if (!is_draining && i > 2) {
            daemon_->feeder->drain();
            is_draining = true;
        }
        if (daemon_->failures.has_failed()) {
            daemon_.reset();
            start();
            daemon_->lanes.set_catalog(catalogs_[catalog_]);
            daemon_->pushes->close();
            is_draining = false;
            continue;
        }
        // The keeper looks once more after the last failover.
        if (is_draining && daemon_->feeder->is_drained() && i > 100) {
            check_stored("everything has drained");
            check_sums();
            return;
        }
    }
    auto& run = *daemon_;
    std::string text = "standstill: without faults the journal does not drain: durable " +
                       std::to_string(run.writer.readable_end()) + "; " + run.feeder->describe();
    for (std::uint32_t lane = 0; lane < run.lanes.lanes(); ++lane) {
        text += "; lane has " + std::to_string(run.lanes.lane_queue(lane));
    }
    throw broken_rule{text};
}

} // namespace tally::simulation
