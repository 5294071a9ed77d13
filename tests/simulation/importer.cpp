#include "tests/simulation/import_run.hpp"
#include "tests/simulation/world.hpp"

#include "ingest/formats/formats.hpp"

#include <spdlog/spdlog.h>

// `tallyd import` beside the daemon, with a position of its own: a second stream, and a rival that
// stores records of this run. It goes on after a crash, with pieces of another size.

namespace tally::simulation {

using std::chrono::milliseconds;

namespace {

/// A line of the file is shorter.
constexpr std::size_t line_bytes_max = 600;

} // namespace

/// New records, records that were pushed as well, and lines that cannot be read.
void world::write_file() {
    auto const lines = 5 + random_() % 40;
    for (std::uint64_t i = 0; i < lines; ++i) {
        auto const old = chance(300) ? repeatable(0, false) : std::nullopt;
        if (chance(50)) {
            sent_record bad{.body = "no record " + std::to_string(records_.size()),
                            .content = "none"};
            bad.is_refused = true;
            in_file_.push_back(add(std::move(bad)));
        } else {
            in_file_.push_back(old ? *old : new_call(0));
        }
        file_.append(records_[in_file_.back()].body).append("\n");
    }
}

void world::start_import() {
    if (file_.empty()) {
        write_file();
    }
    spdlog::info("sim import starts");
    import_process_ = {};
    import_ = std::make_unique<import_run>(*this);
    auto& run = *import_;
    auto& owner = import_process_;
    scheduler_.add(owner, [this] {
        if (!import_->is_over) {
            import_file();
            import_->is_over = true;
        }
        return std::chrono::hours{1};
    });
    scheduler_.add(owner, [&run, this] { return run.keeper.step(scheduler_.now); });
    for (std::uint32_t lane = 0; lane < run.lanes.lanes(); ++lane) {
        scheduler_.add(
            owner,
            [&run, this, lane]() -> duration {
                auto const next = run.lanes.lane_at(lane).step(scheduler_.now);
                return next.is_over ? std::chrono::hours{1} : next.wait;
            },
            [&run, lane] { return run.lanes.lane_queue(lane); });
    }
}

/// Reads the position and the decisions of earlier runs. False: the database does not answer.
bool world::open_import() {
    auto& run = *import_;
    auto const found = run.read.load(import_stream_name);
    if (!found.ok() || !run.decisions.load(*found).ok()) {
        return false;
    }
    auto const position = *found;
    if (position > 0) {
        met("import goes on at its position");
    }
    run.resumed_from = position;
    run.kept = std::make_shared<daemon::kept_position>(import_stream_name, position);
    run.keeper.watch({run.kept});
    return true;
}

/// What import_session does with a file.
void world::import_file() {
    auto& run = *import_;
    if (!open_import()) {
        return;
    }
    auto const wait = [this](milliseconds time) { scheduler_.wait(time); };
    daemon::import_task task;
    task.source = std::make_shared<ingest::source const>(sources_->all()[0]);
    task.in_format = ingest::find_format("canonical");
    task.resume_from = run.kept->committed;
    task.kept = run.kept;
    task.pause = wait;
    task.has_lost = [&run] { return run.keeper.has_lost(); };
    task.decide = [this, &run](std::unique_ptr<ingest::record_block> const& block) {
        auto status = run.decisions.settle({&block, 1});
        while (!status.ok() && status.reason != storage::failure::lost && faults_on_) {
            scheduler_.wait(milliseconds{500});
            status = run.decisions.settle({&block, 1});
        }
        return status.ok();
    };

    constexpr std::size_t chunk_bytes = 512;
    auto const piece_bytes = 100 + random_() % 2000;
    run.read_bytes_max = 2 * (piece_bytes + line_bytes_max) + chunk_bytes;
    ingest::file_reader reader{{[this, &run](std::span<char> out) {
                                    auto const bytes =
                                        file_.copy(out.data(), out.size(), run.read_bytes);
                                    run.read_bytes += bytes;
                                    return bytes;
                                },
                                [] { return ingest::file_error{}; }},
                               {.piece_bytes = piece_bytes, .chunk_bytes = chunk_bytes}};
    daemon::import_job job{
        std::move(task), run.sink, {{}, {}, [&run] {
                                        return run.failures.has_failed()
                                                   ? daemon::stop_request::at_once
                                                   : daemon::stop_request::none;
                                    }}};
    auto const result = job.run(reader);

    // All blocks are stored; now the position says so, too.
    while (run.kept->committed < run.kept->prefix.below() && !run.keeper.has_lost()) {
        wait(milliseconds{5});
    }
    run.is_done = result.end == daemon::import_end::done && !run.keeper.has_lost();
}

/// Begins an import, or ends one that is over.
void world::step_imports() {
    if (import_ != nullptr && import_->is_over) {
        end_import();
    }
    if (import_ == nullptr && has_import_ && !is_imported_ && (!faults_on_ || chance(5))) {
        start_import();
    }
    if (import_ != nullptr && faults_on_ && chance(2)) {
        kill_import();
    }
}

void world::end_import() {
    bool const is_done = import_->is_done && !import_->is_before_failover;
    import_process_.is_stopping = true;
    try {
        static_cast<void>(scheduler_.finish(import_process_));
    } catch (killed const&) {
        kill_import();
    }
    import_.reset();
    if (!is_done) {
        met("import stopped");
        return;
    }
    is_imported_ = true;
    for (auto const record : in_file_) {
        records_[record].is_acknowledged = true;
    }
    met("import done");
}

void world::kill_import() {
    spdlog::info("sim import killed");
    met("import killed");
    scheduler_.kill(import_process_);
    bool const had_faults = std::exchange(faults_on_, false);
    import_.reset();
    faults_on_ = had_faults;
}

} // namespace tally::simulation
