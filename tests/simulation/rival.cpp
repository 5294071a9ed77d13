#include "tests/simulation/rival_run.hpp"

#include "ingest/base/uuid.hpp"
#include "tests/simulation/customers.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

// Another daemon on the same database. Its steps are those of this daemon, so that it stores what
// this daemon stores, makes this daemon's versions stale, and keeps its sessions waiting.

namespace tally::simulation {

using std::chrono::milliseconds;

void world::start_rival() {
    spdlog::info("sim rival starts");
    rival_process_ = {};
    rival_ = std::make_unique<rival_run>(*this);
    auto& run = *rival_;
    scheduler_.add(rival_process_, [this] { return act_as_rival(); });
    scheduler_.add(
        rival_process_,
        [&run, this]() -> duration {
            if (run.is_over) {
                return std::chrono::hours{1};
            }
            auto const next = run.lanes.lane_at(0).step(scheduler_.now);
            run.is_over = next.is_over;
            return next.wait;
        },
        [&run] { return run.lanes.lane_queue(0); });
}

void world::kill_rival() {
    if (rival_ == nullptr) {
        return;
    }
    spdlog::info("sim rival killed");
    met("rival killed");
    scheduler_.kill(rival_process_);
    bool const had_faults = std::exchange(faults_on_, false);
    rival_.reset();
    faults_on_ = had_faults;
}

/// Begins a rival, or another one after its end.
void world::step_rivals() {
    if (rival_ != nullptr && (rival_->is_over || chance(1))) {
        kill_rival();
    }
    if (rival_ == nullptr && has_rival_ && chance(20)) {
        start_rival();
    }
}

/// By the clock, also where parts run at any time.
world::duration world::act_as_rival() {
    if (scheduler_.now < rival_->acts_at) {
        return rival_->acts_at - scheduler_.now;
    }
    rival_->acts_at = scheduler_.now + milliseconds{random_() % 200};
    using act = void (world::*)();
    constexpr act acts[] = {&world::change_usage,    &world::create_usage,    &world::create_usage,
                            &world::repeat_at_rival, &world::repeat_at_rival, &world::hold_locks};
    (this->*acts[random_() % std::size(acts)])();
    return rival_->acts_at - scheduler_.now;
}

/// Usage of a subscription that this daemon knows changes.
void world::change_usage() {
    if (server_.is_down || server_.now().usage.empty()) {
        return;
    }
    auto next = server_.now();
    auto const index = static_cast<std::ptrdiff_t>(random_() % next.usage.size());
    auto& [key, row] = *std::next(next.usage.begin(), index);
    if (row.version > 0 && !server_.is_locked(key, this)) {
        ++row.version;
        server_.commit(std::move(next));
    }
}

/// A row that this daemon has not seen comes into being: at once, so that a session between its two
/// statements for locks meets it.
void world::create_usage() {
    auto const key = usage_key_of(static_cast<unsigned>(random_() % accounts));
    if (server_.is_down || server_.now().usage.contains(key) || server_.is_locked(key, this)) {
        return;
    }
    auto next = server_.now();
    next.usage[key].version = 1;
    server_.commit(std::move(next));
    met("rival creates a row");
}

/// Senders repeat to the rival what they have sent to this daemon.
void world::repeat_at_rival() {
    auto const source = static_cast<unsigned>(random_() % 2);
    bool const are_events = chance(300);
    std::string body;
    for (auto left = 1 + random_() % 4; left > 0; --left) {
        if (auto const old = repeatable(source, are_events)) {
            body.append(records_[*old].body).append("\n");
        }
    }
    if (body.empty()) {
        return;
    }
    auto block = decoded(std::move(body), source, are_events);
    block->admitted_bytes = block->memory_bytes();
    if (rival_->lanes.admit(block->admitted_bytes) == ingest::push_status::pushed) {
        met("record repeated at a rival");
        static_cast<void>(rival_->lanes.push(block));
    }
}

/// A transaction keeps rows locked for a while, those that it has created as well.
void world::hold_locks() {
    std::vector<storage::usage_delta> rows;
    for (unsigned i = 0; i < accounts; ++i) {
        if (chance(400)) {
            auto& row = rows.emplace_back();
            row.subscription_id = usage_key_of(i).subscription_id;
            row.period_start = usage_key_of(i).period_start;
        }
    }
    auto& session = rival_->holder;
    if (rows.empty() || !session.lock_rows(rows, {}).ok()) {
        return;
    }
    met("rival holds locks");
    scheduler_.wait(milliseconds{random_() % 1000});

    storage::batch empty;
    empty.id = ingest::uuid_v7();
    storage::commit_counts counts;
    chance(500) ? static_cast<void>(session.commit(empty, counts)) : session.roll_back();
}

} // namespace tally::simulation
