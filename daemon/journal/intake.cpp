#include "daemon/journal/intake.hpp"

#include "ingest/journal/segment.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

/// The bounds of a segment's size. Segments are allocated whole, so that a write never finds the
/// disk full after the space was promised.
constexpr std::uint64_t segment_bytes_max = std::uint64_t{64} << 20;
constexpr std::uint64_t segment_bytes_min = std::uint64_t{64} << 10;
/// The journal's space holds at least this many segments: a segment is freed as a whole, so larger
/// ones would keep the space of stored records for too long.
constexpr std::uint64_t segments_min = 8;
/// How often the drain is looked at.
constexpr milliseconds drain_poll{5};

/// A segment of a newer version is neither damaged nor to be skipped: only that tallyd can read it.
void refuse_newer(std::vector<ingest::journal_stream> const& streams) {
    for (auto const& stream : streams) {
        for (auto const& segment : stream.segments) {
            if (segment.version > ingest::journal_version) {
                throw std::runtime_error{
                    "the journal's file " + segment.file.string() + " is of version " +
                    std::to_string(segment.version) + " and this tallyd reads versions up to " +
                    std::to_string(ingest::journal_version) +
                    ": run the newer tallyd until it has stored these records, or move the folder "
                    "aside"};
            }
        }
    }
}

} // namespace

intake::intake(intake_options options, pipeline& lanes, failure_report& failures,
               std::function<void(journal_report const&)> report)
    : options_{std::move(options)}, lanes_{lanes}, failures_{failures}, folder_{options_.folder},
      read_positions_{options_.connection_string, "tallyd journal"}, written_positions_{
                                                                         options_.connection_string,
                                                                         "tallyd positions"} {
    // Check what earlier runs left before anything new is written beside it.
    auto earlier = folder_.streams();
    refuse_newer(earlier);
    std::uint64_t earlier_bytes = 0;
    for (auto const& stream : earlier) {
        earlier_bytes += stream.bytes;
    }

    // Each run appends to a stream of its own: earlier files are only read, and removed as a whole.
    auto const segment_bytes =
        std::clamp(options_.bytes_max / segments_min, segment_bytes_min, segment_bytes_max);
    writer_ = std::make_unique<ingest::journal_writer>(
        ingest::journal_writer::options{folder_.path(), ingest::uuid_v7(), segment_bytes},
        ingest::real_disk());

    lanes_.close_batches_early_when([this] { return pushes_->commit_waiters() > 0; });

    // The write side. Without a catalog the payers stay open: the feeder decides them before it
    // feeds the records (R6).
    pushes_ = std::make_unique<push_journal>(
        push_journal_options{options_.bytes_max, options_.memory_bytes_max, earlier_bytes,
                             options_.retain, options_.retain_bytes},
        *writer_, [this] { return lanes_.sources(); },
        [this](ingest::record_block& block) {
            if (auto const catalog = lanes_.catalog()) {
                decide_payers(block, *catalog);
            }
        },
        std::move(report));

    // The only writer of positions (R2), with a connection and a thread of its own.
    position_keeper_ = std::make_unique<position_keeper>(
        kept_positions_,
        position_keeper::lane_batches{
            [this] { return lanes_.last_batches(); },
            [this](std::span<ingest::uuid const> covered) { lanes_.forget_last_batches(covered); }},
        position_keeper::options{});

    // The read side, which begins with what earlier runs left.
    feeder_ = std::make_unique<journal_feeder>(
        journal_feeder::target{.lanes = lanes_,
                               .positions = fed_positions_,
                               .keeper = *position_keeper_,
                               .failures = failures_,
                               .catalog = [this] { return lanes_.catalog(); },
                               .decisions = lanes_.decisions(),
                               .forget_batches = [this] { lanes_.forget_last_batches(); },
                               .retain = options_.retain,
                               .retain_bytes = options_.retain_bytes,
                               .skips_damage = options_.skip_damage},
        folder_, *writer_, *pushes_, std::move(earlier));
}

intake::~intake() {
    stop();
}

void intake::start() {
    // The journal does not need the database, so pushes are taken from here on.
    journal_thread_ = std::make_unique<push_journal_thread>(*pushes_, failures_);
    feeder_thread_ = std::thread{[this] { run_feeder(); }};
    keeper_thread_ = std::thread{[this] { run_keeper(); }};
}

/// False: stopping.
bool intake::pause(std::chrono::nanoseconds time) {
    std::unique_lock lock{stop_mutex_};
    return !stop_.wait_for(lock, time, [this] { return stopping_; });
}

void intake::run_feeder() noexcept {
    try {
        bool is_stuck = false;
        while (pause(milliseconds{0}) && !failures_.has_failed()) {
            // A journal that cannot be read is work that gets no further, however often it is tried
            // (R4).
            if (!is_stuck) {
                feeder_pulse_.work();
            }
            auto const next = feeder_->step(journal_feeder::clock::now());
            is_stuck = next.is_stuck;
            if (!is_stuck) {
                feeder_pulse_.rest();
            }

            // At the end of the own stream: a durable push ends the wait at once.
            if (next.for_pushes) {
                pushes_->wait_durable(feeder_->next_record(),
                                      std::chrono::duration_cast<milliseconds>(next.wait));
            } else if (next.wait > next.wait.zero() && !pause(next.wait)) {
                return;
            }
        }
    } catch (std::exception const& error) {
        // Out of memory, or a bug. The journal keeps all records, and the next run reads them.
        feeder_pulse_.rest(); // it has ended, and does not stand still
        failures_.report("journal_feeder", error.what());
    }
}

void intake::run_keeper() noexcept {
    try {
        auto wait = position_keeper::clock::duration::zero();
        while (pause(wait)) {
            keeper_pulse_.work();
            wait = position_keeper_->step(position_keeper::clock::now());
            keeper_pulse_.rest();
        }
    } catch (std::exception const& error) {
        keeper_pulse_.rest();
        failures_.report("position_keeper", error.what());
    }
}

void intake::close() {
    pushes_->close();

    // Afterwards everything appended is durable, so the end that the feeder has to reach is fixed.
    journal_thread_.reset();
    feeder_->drain();
}

/// True when the database has confirmed everything (R2). May be called again after a false.
bool intake::drain(milliseconds limit) {
    auto const end = std::chrono::steady_clock::now() + limit;
    while (!feeder_->is_drained() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(drain_poll);
    }
    drained_ = feeder_->is_drained();
    return drained_;
}

void intake::stop() noexcept {
    {
        std::lock_guard const lock{stop_mutex_};
        stopping_ = true;
    }
    stop_.notify_all();

    // Both threads may be waiting for a database that does not answer.
    read_positions_.cancel();
    written_positions_.cancel();
    for (auto* thread : {&feeder_thread_, &keeper_thread_}) {
        if (thread->joinable()) {
            thread->join();
        }
    }
}

void intake::finish() {
    pushes_->give_up_waiting();
    if (!drained_ || options_.retain > std::chrono::seconds{0}) {
        return; // the next run reads the stream, or removes it when it was kept long enough
    }

    if (int const error = writer_->remove_all(feeder_->committed()); error != 0) {
        spdlog::error("event=journal_not_removed stream={} error=\"{}\"",
                      ingest::to_string(writer_->stream()), std::strerror(error));
    }
}

std::int64_t intake::oldest_s() const {
    constexpr auto none = std::numeric_limits<ingest::time_us>::max();
    auto const received =
        std::min(feeder_->oldest_of_earlier().value_or(none), pushes_->oldest().value_or(none));
    if (received == none) {
        return 0;
    }

    // Never negative: the system clock may have been set back since the push.
    auto const now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    return std::max<std::int64_t>(0, (now.count() - received) / ingest::us_per_s);
}

} // namespace tally::daemon
