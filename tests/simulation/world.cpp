#include "tests/simulation/world.hpp"

#include "tests/simulation/customers.hpp"
#include "tests/simulation/daemon_run.hpp"
#include "tests/simulation/import_run.hpp"
#include "tests/simulation/rival_run.hpp"

#include <spdlog/spdlog.h>

namespace tally::simulation {

namespace {

using std::chrono::milliseconds;

} // namespace

world::world(std::uint64_t seed, situations& met)
    : random_{seed}, met_{met}, disk_{seed + 1}, sources_{two_sources()} {
    seed_ids(seed);
    catalogs_ = {catalog_with(0), catalog_with(1), catalog_with(2)};

    // Switches that widen what is rare: tiny segments, a tiny journal, tiny queues, parts that run
    // long or short, wake-ups too early.
    lanes_ = 1 + static_cast<std::uint32_t>(random_() % 3);
    segment_bytes_ = 4096 << (random_() % 3);
    journal_bytes_ = std::uint64_t{chance(200) ? 24U : 256U} << 10;
    memory_bytes_ = chance(500) ? 8'000 : 200'000;
    push_memory_bytes_ = chance(300) ? 2'000 : 1 << 20;
    retain_ = std::chrono::seconds{chance(500) ? 3600 : random_() % 3};
    retain_bytes_ = std::uint64_t{1} << (chance(200) ? 14 : 30);
    constexpr unsigned switches[] = {50, 300, 1000};
    switch_per_mille_ = switches[random_() % 3];
    constexpr wake_order orders[] = {wake_order::any, wake_order::any, wake_order::due,
                                     wake_order::just_before, wake_order::just_after};
    scheduler_.order = orders[random_() % std::size(orders)];
    has_import_ = chance(400);
    has_rival_ = chance(400);
    has_failovers_ = chance(300);
    bool const keeps_all = retain_ >= std::chrono::seconds{60} && retain_bytes_ > journal_bytes_;
    may_lose_ = has_failovers_ && !keeps_all;

    faults_.interleave = [this] { interleave(); };
    faults_.wait = [this] { scheduler_.wait(milliseconds{100}); };
    faults_.chance = [this](unsigned per_mille) { return faults_on_ && chance(per_mille); };
    faults_.met = [this](char const* situation) { this->met(situation); };
    scheduler_.on_wake = [this](wake_order order) {
        if (order == wake_order::just_before) {
            this->met("woken just before it is due");
        } else if (order == wake_order::just_after) {
            this->met("woken just after it is due");
        }
    };
    faults_.moves = [this](auto const& move) { positions_.wanted(move); };
    disk_.before_sync([this] { return wait_for_disk(); });
}

world::~world() {
    scheduler_.kill(rival_process_);
    scheduler_.kill(import_process_);
    scheduler_.kill(daemon_process_);
}

/// Runs something in which the daemon may be killed.
void world::guard(void (world::*part)()) {
    try {
        (this->*part)();
    } catch (killed const&) {
        kill(chance(400));
        start();
    }
}

void world::run() {
    start();
    auto const ticks = 400 + random_() % 1200;
    bool const has_kills = chance(800);
    // A full disk takes what is kept for a failover.
    bool const may_fill = !has_failovers_ || may_lose_;
    disk_.fail_per_mille(may_fill && chance(300) ? 20 : 0, chance(300) ? 20 : 0,
                         may_fill && chance(200) ? 50 : 0, chance(200) ? 5 : 0);
    for (std::uint64_t i = 0; i < ticks; ++i) {
        guard(&world::tick);
        if (has_failovers_ && chance(4)) {
            fail_over();
        }
        if (chance(2)) {
            guard(&world::stop_gracefully);
        }
        if ((has_kills && chance(3)) || daemon_->failures.has_failed()) {
            kill(chance(400));
            start();
        }
    }
    drain();
    for (auto const& [situation, count] : disk_.failures()) {
        met_[situation] += count;
    }
}

/// What happens around the daemon, and one step of something.
void world::tick() {
    if (scheduler_.order == wake_order::any) {
        scheduler_.now += milliseconds{chance(30) ? random_() % 2000 : random_() % 4};
    } else if (chance(200)) {
        scheduler_.now += milliseconds{1};
    }
    if (chance(5)) {
        change_catalog();
    }
    if (chance(server_.is_down ? 20 : 3)) {
        server_.is_down = !server_.is_down;
        met("database down");
        if (server_.is_down) {
            server_.end_sessions();
        }
    }
    if (!daemon_->has_catalog && chance(50)) {
        give_catalog();
    }
    if (chance(10)) {
        settle_gaps();
    }
    step_imports();
    step_rivals();
    step_one();
}

/// One step of some part. The import or the rival may be killed in it, and others go on.
void world::step_one() {
    try {
        scheduler_.run_one();
    } catch (killed const& end) {
        if (end.whole == &daemon_process_) {
            throw;
        }
        end.whole == &import_process_ ? kill_import() : kill_rival();
    }
    check_step();
}

void world::give_catalog() {
    daemon_->lanes.set_catalog(catalogs_[catalog_]);
    daemon_->has_catalog = true;
}

void world::change_catalog() {
    catalog_ = random_() % catalogs_.size();
    if (daemon_->has_catalog) {
        give_catalog();
    }
    met("number moved to another account");
}

void world::fail_over() {
    auto const before = look();
    spdlog::info("sim failover");
    server_.fail_over(1 + random_() % (may_lose_ ? 40 : 12));
    positions_.failed_over();
    auto const after = look();
    met("failover to an older state");
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (times_there(records_[i], before) > times_there(records_[i], after)) {
            met("failover that lost commits");
            lost_.insert(i);
        }
    }

    // The operator imports the file again, also when an import ends now that has not noticed.
    if (is_imported_) {
        met("imported again after a failover");
    }
    is_imported_ = false;
    if (import_ != nullptr) {
        import_->is_before_failover = true;
    }
    kill_rival(); // it has no keeper, by which it would notice
}

/// What `tallyd journal settle` does, for each gap.
void world::settle_gaps() {
    note_gaps(); // the feeder may be in the step that found them
    model_positions operators{server_, faults_};
    for (auto const& gap : daemon_->feeder->gaps()) {
        storage::position_found outcome;
        auto const status =
            operators.move({gap.stream, gap.first_record, gap.end_record, {}}, outcome);
        if (!may_lose_) {
            throw broken_rule{"records are missing although the journal keeps them long enough"};
        }
        if (status.ok() && outcome.found == gap.end_record) {
            met("gap settled");
        }
    }
}

/// No more faults: everything must come into the database, in bounded time.
void world::drain() {
    kill_rival();
    faults_on_ = false;
    server_.is_down = false;
    disk_.fail_per_mille(0, 0, 0);
    give_catalog();
    daemon_->pushes->close();
    for (int round = 0; round < 4000; ++round) {
        if (drain_some(round)) {
            check_stored("everything has drained");
            check_sums();
            daemon_->sink.check_idle();
            return;
        }
    }
    fail_to_drain();
}

/// True: all is stored. The keeper looks once more after the last failover.
bool world::drain_some(int round) {
    scheduler_.now += milliseconds{20};
    scheduler_.run_all();
    check_step();
    settle_gaps();
    step_imports();
    if (daemon_->failures.has_failed()) {
        scheduler_.kill(daemon_process_);
        end_run();
        start();
        give_catalog();
        daemon_->pushes->close();
    }
    bool const is_imported = !has_import_ || is_imported_;
    if (round % 50 > 2) {
        daemon_->feeder->drain();
    }
    return round > 100 && is_imported && daemon_->feeder->is_drained();
}

void world::fail_to_drain() {
    auto& run = *daemon_;
    std::string text = "standstill: without faults the journal does not drain: durable " +
                       std::to_string(run.writer.readable_end()) + "; " + run.feeder->describe();
    for (std::uint32_t lane = 0; lane < run.lanes.lanes(); ++lane) {
        text += "; lane has " + std::to_string(run.lanes.lane_queue(lane));
    }
    if (has_import_ && !is_imported_) {
        text += "; the import is not done";
    }
    throw broken_rule{text};
}

} // namespace tally::simulation
