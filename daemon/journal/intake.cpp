#include "daemon/journal/intake.hpp"

#include "ingest/journal/segment.hpp"
#include "storage/postgres/pqxx_session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t segment_bytes_max = std::uint64_t{64} << 20;
constexpr std::uint64_t segment_bytes_min = std::uint64_t{64} << 10;
/// The journal's space holds at least this many segments: a segment is freed as a whole, so larger
/// ones would keep the space of stored records for too long.
constexpr std::uint64_t segments_min = 8;
constexpr milliseconds position_retry{1000};

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

void refuse_damage(std::vector<ingest::journal_stream> const& streams, bool skip) {
    auto const damages = find_damage(streams);
    if (damages.empty()) {
        return;
    }

    std::string text = "the journal holds acknowledged records that are damaged:";
    for (auto const& each : damages) {
        text += "\n  " + describe(each);
    }

    // Never skipped silently: the senders were told that these records are safe.
    if (skip) {
        spdlog::warn("event=journal_damage_accepted detail=\"{}\"", text);
        return;
    }
    throw std::runtime_error{text +
                             "\nKeep a copy of the file. 'tallyd run --skip-journal-damage' starts "
                             "without these bytes; their senders have to send them again."};
}

} // namespace

intake::intake(intake_options options, ingest::record_sink& lanes, failure_report& failures,
               std::function<void(journal_report const&)> report)
    : options_{std::move(options)}, folder_{options_.folder} {
    // Check what earlier runs left before anything new is written beside it.
    auto earlier = folder_.streams();
    refuse_newer(earlier);
    refuse_damage(earlier, options_.skip_damage);
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

    pushes_ = std::make_unique<push_journal>(
        push_journal_options{options_.bytes_max, options_.memory_bytes_max, earlier_bytes},
        *writer_, [&lanes] { return lanes.sources(); }, std::move(report));
    feeder_ = std::make_unique<journal_feeder>(
        journal_feeder::target{lanes,
                               [this](std::string const& stream) { return progress(stream); },
                               [this](std::string const& stream) { forget(stream); }, failures,
                               options_.lanes, options_.skip_damage},
        folder_, *writer_, *pushes_, std::move(earlier));
}

intake::~intake() {
    stop();
}

void intake::start() {
    pushes_->start();
    feeder_->start();
}

bool intake::drain(milliseconds limit) {
    drained_ = feeder_->drain(limit);
    return drained_;
}

void intake::stop() noexcept {
    stopping_ = true;
    feeder_->stop();
}

// The files are removed before their positions. A crash in between leaves positions without files,
// which are harmless. The other order could leave files without positions: the next run would
// replay them from the beginning, as if none of their records were stored.
void intake::finish() {
    pushes_->give_up_waiting();
    if (!drained_) {
        return; // the next run replays the stream
    }

    if (int const error = writer_->remove_all(feeder_->stored_below()); error != 0) {
        spdlog::error("event=journal_not_removed stream={} error=\"{}\"",
                      ingest::to_string(writer_->stream()), std::strerror(error));
        return;
    }
    forget(journal_feeder::stream_name(writer_->stream()));
}

std::int64_t intake::oldest_s() const {
    auto const own = pushes_->oldest();
    auto const received = feeder_->oldest_of_earlier().value_or(own.value_or(0));
    if (received == 0) {
        return 0;
    }
    auto const now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    return std::max<std::int64_t>(0, (now.count() - received) / ingest::us_per_s);
}

storage::stream_progress intake::progress(std::string const& stream) {
    while (!stopping_) {
        try {
            storage::pqxx_session session{options_.connection_string, "tallyd journal"};
            return storage::progress_of(session, stream);
        } catch (storage::sql_error const& error) {
            spdlog::warn("event=journal_position_unknown error=\"{}\"", error.what());
            std::this_thread::sleep_for(position_retry);
        }
    }
    return {};
}

void intake::forget(std::string const& stream) {
    try {
        storage::pqxx_session session{options_.connection_string, "tallyd journal"};
        storage::forget_stream(session, stream);
    } catch (storage::sql_error const& error) { // the row stays; it is small and has no effect
        spdlog::info("event=journal_position_kept stream={} error=\"{}\"", stream, error.what());
    }
}

} // namespace tally::daemon
