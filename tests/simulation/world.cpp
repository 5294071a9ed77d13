#include "tests/simulation/world.hpp"

#include "ingest/base/time.hpp"
#include "ingest/formats/formats.hpp"
#include "tests/rating/rater/builders.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

namespace tally::simulation {

namespace {

using std::chrono::milliseconds;

constexpr char const* folder = "/journal";
constexpr unsigned numbers = 6; ///< the last two move between accounts
constexpr unsigned fixed_numbers = 4;
constexpr unsigned accounts = 5;

/// The process ends here, without a further instruction.
struct killed {};

ingest::uuid id_of(std::uint8_t kind, unsigned number) {
    ingest::uuid id;
    id.bytes[0] = kind;
    id.bytes[15] = static_cast<std::uint8_t>(number);
    return id;
}

/// Every account has a subscription and, by `shift`, some of the numbers.
std::shared_ptr<rating::catalog const> catalog_with(unsigned shift) {
    rating::catalog_input input;
    rating::tariff::content plan;
    plan.head.code = "sim";
    plan.head.rounding_mode = {rating::rounding_mode::half_up, 4};
    plan.head.included_s = 120;
    plan.rates.push_back(rating::tests::by_second("", "0.5"));
    input.plans = {std::make_shared<rating::tariff const>(std::move(plan))};
    for (unsigned i = 0; i < accounts; ++i) {
        input.accounts.push_back({{id_of(1, i)}, "A" + std::to_string(i)});
        rating::subscription s;
        s.id = id_of(2, i);
        s.account = i;
        s.plan = 0;
        input.subscriptions.push_back({s, "S" + std::to_string(i)});
    }
    for (unsigned i = 0; i < numbers; ++i) {
        auto const owner = i < fixed_numbers ? i : (i + shift) % accounts;
        input.dids.push_back({"9180000000" + std::to_string(10 + i), owner});
    }
    return std::make_shared<rating::catalog const>(std::move(input));
}

std::shared_ptr<ingest::source_table const> two_sources() {
    std::vector<ingest::source> sources(2);
    sources[0].id = id_of(3, 0);
    sources[1].id = id_of(3, 1);
    sources[1].name = "second";
    return std::make_shared<ingest::source_table const>(std::move(sources));
}

class silent_observer final : public storage::lane_observer {
  public:
    void stored(storage::stored_batch const&) override {}
    void retried(std::string_view, storage::result const&) override {}
};

enum actor : unsigned { sender, flusher, feeder, keeper, first_lane };

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

/// The objects of one run of the daemon. Its threads would only step them.
struct world::daemon_run {
    explicit daemon_run(world& at)
        : folder{simulation::folder, at.disk_},
          lanes{{.lanes = at.lanes_,
                 .memory_bytes_max = at.memory_bytes_,
                 .batch_rows_max = 1 + at.random_() % 6,
                 .linger_max = milliseconds{at.random_() % 20},
                 .import_id = {},
                 .pause = [&at](milliseconds) { return at.pause(); }},
                [&at](std::uint32_t) {
                    return std::make_unique<model_store>(at.server_, at.faults_);
                },
                observer,
                failures},
          feeder_positions{at.server_, at.faults_},
          keeper_positions{at.server_, at.faults_}, writer{{.folder = simulation::folder,
                                                            .stream = ingest::uuid_v7(),
                                                            .segment_bytes = at.segment_bytes_},
                                                           at.disk_},
          keeper{keeper_positions,
                 {[this] { return lanes.last_batches(); },
                  [this](std::span<ingest::uuid const> covered) {
                      lanes.forget_last_batches(covered);
                  }},
                 {.write_interval = milliseconds{50},
                  .check_interval = milliseconds{300},
                  .retry_interval = milliseconds{100}}} {
        auto earlier = folder.streams();
        std::uint64_t earlier_bytes = 0;
        for (auto const& stream : earlier) {
            earlier_bytes += stream.bytes;
        }
        pushes = std::make_unique<daemon::push_journal>(
            daemon::push_journal_options{std::uint64_t{256} << 10, 1 << 20, earlier_bytes,
                                         at.retain_, std::uint64_t{1} << 30},
            writer, [this] { return lanes.sources(); },
            [this](ingest::record_block& block) {
                if (auto const catalog = lanes.catalog()) {
                    daemon::decide_payers(block, *catalog);
                }
            },
            [](daemon::journal_report const&) {});
        pushes->open();
        feeder = std::make_unique<daemon::journal_feeder>(
            daemon::journal_feeder::target{
                .lanes = lanes,
                .positions = feeder_positions,
                .keeper = keeper,
                .failures = failures,
                .catalog = [this] { return lanes.catalog(); },
                .forget_batches = [this] { lanes.forget_last_batches(); },
                .retain = at.retain_,
                .retain_bytes = std::uint64_t{1} << 30},
            folder, writer, *pushes, std::move(earlier));
        lanes.set_sources(at.sources_);
    }

    silent_observer observer;
    daemon::failure_report failures;
    ingest::journal_folder folder;
    daemon::pipeline lanes;
    model_positions feeder_positions;
    model_positions keeper_positions;
    ingest::journal_writer writer;
    std::unique_ptr<daemon::push_journal> pushes;
    daemon::position_keeper keeper;
    std::unique_ptr<daemon::journal_feeder> feeder;
    bool has_catalog = false;
    bool is_stopping = false;
    std::set<std::uint32_t> ended_lanes;
    std::vector<std::shared_ptr<ingest::commit_wait>> waiting;
};

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
    auto const had_files = !disk_.list(folder).empty();
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
    if (is_drained) {
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
    start();
    auto const ticks = 100 + random_() % 300;
    bool const has_failovers = retain_ > std::chrono::seconds{60} && chance(600);
    bool const has_kills = chance(800);
    // A full disk takes what is kept for a failover.
    bool const may_fill = !has_failovers;
    disk_.fail_per_mille(may_fill && chance(300) ? 20 : 0, chance(300) ? 20 : 0,
                         may_fill && chance(200) ? 50 : 0, chance(200) ? 5 : 0);
    for (std::uint64_t i = 0; i < ticks; ++i) {
        try {
            tick();
            if (has_failovers && chance(12)) {
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
    case keeper:
        keep();
        break;
    default:
        step_lane(actor - first_lane);
        break;
    }
    is_active_[actor] = false;
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
    for (unsigned actor = feeder; actor <= keeper; ++actor) {
        act(actor);
    }
    --depth_;
    interleave();
    return true;
}

std::size_t world::new_record(unsigned /*source*/) {
    auto const number = records_.size();
    auto const did = static_cast<unsigned>(random_() % (numbers + 1)); // the last one is nobody's
    sent_record record;
    record.is_refused = chance(30);
    record.may_repeat = did < fixed_numbers;
    auto const name = "call-" + std::to_string(number);
    record.id = ingest::uuid_v5(ingest::call_id_name_space, name);
    record.body = R"({"uuid":")" + name + R"(","direction":"outbound","caller_id":"9180000000)" +
                  std::to_string(10 + did) +
                  R"(","destination":"442071838750","start_time":"2026-05-04T10:00:00Z",)" +
                  R"("answer_time":"2026-05-04T10:00:00Z","end_time":"2026-05-04T10:01:00Z",)" +
                  R"("duration":60,"billsec":)" + std::to_string(10 + random_() % 50) +
                  R"(,"hangup_cause":")" + (record.is_refused ? "refused" : "NORMAL") + R"("})";
    records_.push_back(std::move(record));
    return number;
}

void world::send() {
    if (records_.size() >= 150) {
        return;
    }
    auto const source = static_cast<unsigned>(random_() % 2);
    std::vector<std::size_t> chosen;
    auto const count = 1 + random_() % 4;
    for (std::uint64_t i = 0; i < count; ++i) {
        // A sender repeats a record when it did not hear that the first one was taken.
        bool const repeats = !records_.empty() && chance(250);
        auto const old = repeats ? random_() % records_.size() : 0;
        if (repeats && records_[old].may_repeat) {
            chosen.push_back(old);
        } else {
            chosen.push_back(new_record(source));
        }
    }
    deliver(chosen, source);
}

void world::deliver(std::vector<std::size_t> const& records, unsigned source) {
    auto& pushes = *daemon_->pushes;
    auto block = std::make_unique<ingest::record_block>();
    std::string body;
    for (auto const record : records) {
        body.append(records_[record].body).append("\n");
    }
    if (pushes.admit(body.size()) != ingest::push_status::pushed) {
        met("journal refused a push");
        return;
    }
    block->admitted_bytes = body.size();
    block->sender = std::make_shared<ingest::source const>(sources_->all()[source]);
    block->in_format = ingest::find_format("canonical");
    block->content_type = "application/x-ndjson";
    block->received = ingest::now_us();
    block->batch.set_body(std::move(body));
    block->in_format->decode({*block->sender, block->content_type, {}, block->received},
                             block->batch);
    if (block->batch.cdrs.size() != records.size()) {
        throw broken_rule{"the simulation's own records are not readable"};
    }
    if (chance(200)) {
        auto const wait = std::make_shared<ingest::commit_wait>();
        block->waits = wait;
        daemon_->waiting.push_back(wait);
    }
    block->on_done = [this, records](ingest::block_outcome const& outcome) {
        for (auto const record : records) {
            spdlog::info("sim record={} acknowledged={}", record, outcome.durable);
            records_[record].is_acknowledged = records_[record].is_acknowledged || outcome.durable;
        }
    };
    if (pushes.push(block) != ingest::push_status::pushed) {
        pushes.release(block->admitted_bytes);
    }
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
    bool const knew = run.keeper.has_lost();
    run.keeper.step(now_);
    if (!knew && run.keeper.has_lost()) {
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

/// Every acknowledged record is stored once, or suspended once, and nothing else is.
void world::check_stored(char const* when) const {
    auto const& state = server_.now();
    std::map<ingest::uuid, unsigned> stored;
    for (auto const& [key, call] : state.calls) {
        ++stored[key.id];
    }
    std::set<ingest::uuid> sent;
    for (auto const& record : records_) {
        sent.insert(record.id);
        auto const calls = stored.contains(record.id) ? stored[record.id] : 0;
        auto const suspended = state.suspense.contains(record.body) ? 1U : 0U;
        auto const number = "record " + record.body.substr(9, 9);
        if (calls + suspended > 1) {
            throw broken_rule{number + " is there " + std::to_string(calls + suspended) +
                              " times although " + when};
        }
        if (record.is_acknowledged && calls + suspended == 0) {
            throw broken_rule{number + " was acknowledged and is nowhere although " + when};
        }
        if (record.is_refused && calls > 0) {
            throw broken_rule{number + " breaks a constraint and is stored"};
        }
    }
    for (auto const& [id, count] : stored) {
        if (!sent.contains(id)) {
            throw broken_rule{"a record is stored that nobody sent"};
        }
    }
}

/// Usage, balances and calls tell the same.
void world::check_sums() const {
    auto const& state = server_.now();
    std::int64_t calls = 0;
    std::int64_t included = 0;
    rating::int128 cost = 0;
    rating::int128 usage_cost = 0;
    rating::int128 charged = 0;
    for (auto const& [key, call] : state.calls) {
        cost += call.cost_nanos;
    }
    for (auto const& [key, usage] : state.usage) {
        calls += usage.calls;
        included += usage.included_s;
        usage_cost += usage.cost_nanos;
        if (usage.included_s > 120) {
            throw broken_rule{"more than the allowance is granted"};
        }
    }
    for (auto const& [account, sum] : state.charges) {
        charged += sum;
    }
    if (calls != static_cast<std::int64_t>(state.calls.size()) || cost != usage_cost ||
        cost != charged) {
        throw broken_rule{"the sums of calls, usage and balances differ"};
    }
}

} // namespace tally::simulation
