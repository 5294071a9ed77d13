#include "daemon/journal/fed_stream.hpp"

#include "ingest/base/reversal.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <utility>

// The feeder and the files of earlier runs: which of them begin too late, and when they are
// removed.

namespace tally::daemon {

namespace {

/// The pause after files that could not be removed.
constexpr std::chrono::seconds retry_removal_after{10};

} // namespace

/// A segment whose head cannot be read now is looked at when its first frame is read.
void journal_feeder::begin_at(fed_stream& stream,
                              std::vector<ingest::segment_extent> const& segments) {
    stream.unread.reset();
    if (!segments.empty() && segments.front().first_record == ingest::segment_extent::unknown) {
        stream.unread = segments.front();
    }
    look_for_gap(stream, segments);
}

/// The position stays where records are missing, until an operator settles it.
void journal_feeder::look_for_gap(fed_stream& stream,
                                  std::vector<ingest::segment_extent> const& segments) {
    auto const end = ingest::gap_end(segments, stream.next_record);
    if (!end) {
        return;
    }

    // R3: the loss is logged, makes the daemon not ready, and stays until an operator has settled
    // it.
    spdlog::critical(
        "event=journal_records_missing stream={} records={}-{} error=\"the database has "
        "lost acknowledged records that it had stored, and the journal no longer has "
        "them; their senders have to send them again\" hint=\"tallyd journal settle\"",
        stream.name, stream.next_record, *end);
    {
        std::lock_guard const lock{mutex_};
        gaps_.push_back({stream.name, stream.next_record, *end});
    }

    // Feeding goes on behind the gap. The position does not: it may not pass records of unknown
    // fate (R2).
    stream.next_record = *end;
    stream.next_part = *end;
}

/// An operator settles a gap by moving the position to its end. A stream that is stored then may
/// have been removed already.
void journal_feeder::close_settled_gaps() {
    std::lock_guard const lock{mutex_};
    std::erase_if(gaps_, [this](journal_gap const& gap) {
        return std::ranges::none_of(streams_, [&gap](auto const& stream) {
            return stream->name == gap.stream &&
                   (stream->kept == nullptr || stream->kept->committed < gap.end_record);
        });
    });
}

/// The last segment of an earlier stream may have no frame: the head then says which numbers were
/// used up before it, by writes that failed.
void journal_feeder::note_end(fed_stream& stream) {
    if (auto first = std::exchange(stream.unread, std::nullopt)) {
        first->first_record = stream.reader->next_record();
        look_for_gap(stream, {*first});
        auto listed = folder_.streams();
        auto const found = std::ranges::find(listed, stream.id, &ingest::journal_stream::id);
        if (found != listed.end()) {
            stream.files.segments = std::move(found->segments);
        }
    }
    if (stream.files.segments.empty()) {
        return;
    }

    auto const first = stream.files.segments.back().first_record;
    if (first != ingest::segment_extent::unknown && first > stream.next_record) {
        pass(stream, first);
        stream.next_record = first;
    }
}

/// Removes earlier streams that are stored and were kept long enough (R5), and the oldest one when
/// the disk is full. They are kept because the database may go back: a standby that was behind may
/// be promoted.
void journal_feeder::retire(clock::time_point now) {
    std::uint64_t kept_bytes = 0;
    for (auto const& stream : streams_) {
        bool const is_read = is_reversed(reversal::remove_unstored) && stream->is_fed;
        if (stream->is_own || stream->files.is_removed() || (!stream->is_stored() && !is_read)) {
            continue;
        }
        if (!stream->stored_at) {
            stream->stored_at = now;
            pushes_.earlier_stored(stream->files.bytes);
            mark_end(*stream);
        }
        kept_bytes += stream->files.bytes;
    }

    // The oldest first.
    for (auto const& stream : streams_) {
        bool const is_due = stream->stored_at && now >= stream->removable_at &&
                            (now - *stream->stored_at >= target_.retain ||
                             kept_bytes > target_.retain_bytes || pushes_.is_room_wanted());
        auto const bytes = stream->files.bytes;
        if (is_due && remove(*stream, now)) {
            kept_bytes -= bytes;
        }
    }
    write_ends(now);
    forget_oldest();
}

/// While there is room: a full disk is a reason for removing the stream. A failure does no harm,
/// since it is tried again then.
void journal_feeder::mark_end(fed_stream& stream) {
    if (int const error = folder_.mark_end(stream.files, stream.next_record); error != 0) {
        spdlog::warn("event=journal_end_not_written stream={} error=\"{}\"",
                     ingest::to_string(stream.id), std::strerror(error));
    }
}

/// Removes the files of a stream. Its position stays, and a small file that says where it ended: so
/// a database that goes back further than what was kept is seen to lack records (R3). False: they
/// cannot be removed now, which does no harm, since their records are stored.
bool journal_feeder::remove(fed_stream& stream, clock::time_point now) {
    target_.keeper.end(stream.kept);
    stream.reader.reset(); // an open file takes its room also without a name
    auto const bytes = stream.files.bytes;

    // On a full disk the files go although their end cannot be written: write_ends() does it later.
    int const error = folder_.remove(stream.files, stream.next_record);
    if (error != 0) {
        stream.removable_at = now + retry_removal_after;
        spdlog::error("event=journal_not_removed stream={} error=\"{}\"",
                      ingest::to_string(stream.id), std::strerror(error));
    }
    if (error != 0 && !stream.files.is_removed()) {
        return false;
    }

    stream.stored_at.reset();
    stream.opened_at = stream.next_record;
    pushes_.earlier_removed(bytes);
    return true;
}

/// The disk had no room for them.
void journal_feeder::write_ends(clock::time_point now) {
    for (auto const& stream : streams_) {
        if (!stream->files.is_end_written && now >= stream->removable_at &&
            folder_.remove(stream->files, stream->next_record) != 0) {
            stream->removable_at = now + retry_removal_after;
        }
    }
}

/// Bounds the number of removed streams whose ends are known. The position goes last: a file
/// without a position would look like records that the database has lost.
void journal_feeder::forget_oldest() {
    auto const is_removed = [](auto const& stream) {
        return stream->files.is_removed() && stream->is_stored();
    };
    if (static_cast<std::size_t>(std::ranges::count_if(streams_, is_removed)) <=
        target_.removed_max) {
        return;
    }

    auto const oldest = std::ranges::find_if(streams_, is_removed);
    auto const& stream = **oldest;
    target_.keeper.unwatch(stream.kept); // it is not lost, but forgotten
    if (int const error = folder_.forget(stream.files); error != 0) {
        spdlog::error("event=journal_not_removed stream={} error=\"{}\"",
                      ingest::to_string(stream.id), std::strerror(error));
    } else if (auto const done = target_.positions.forget(stream.name); !done.ok()) {
        spdlog::info("event=journal_position_kept stream={} detail=\"{}\"", stream.name,
                     done.detail);
    }
    streams_.erase(oldest);
}

} // namespace tally::daemon
