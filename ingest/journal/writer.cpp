#include "ingest/journal/writer.hpp"

#include "ingest/journal/segment.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <utility>

namespace tally::ingest {

namespace {

// Room for the mark is kept at the end of every segment: write_out() does not ask for it.
constexpr std::size_t mark_bytes = frame_bytes(0);

} // namespace

journal_writer::journal_writer(options chosen, journal_disk& disk)
    : options_(std::move(chosen)), disk_(disk) {
    location_.stream = options_.stream;
}

journal_writer::~journal_writer() = default;

/// Only copies into memory: many threads append while one flushes.
std::uint64_t journal_writer::append(std::string_view payload, std::uint32_t records,
                                     time_us received) {
    std::lock_guard const hold{mutex_};

    // Numbers are given under the lock, so they have the order of the frames on disk.
    pending_frame frame;
    frame.head.first_record = next_record_;
    frame.head.records = records;
    frame.head.received = received;
    frame.payload_bytes = payload.size();

    pending_.frames.push_back(frame);
    pending_.payloads.append(payload);
    pending_bytes_ += frame_bytes(payload.size());
    next_record_ += records;
    return frame.head.first_record;
}

std::uint64_t journal_writer::pending_bytes() const {
    std::lock_guard const hold{mutex_};
    return pending_bytes_;
}

std::uint64_t journal_writer::disk_bytes() const {
    std::lock_guard const hold{mutex_};
    // What is allocated, not what is used: that is what the disk lacks.
    return std::accumulate(extent_bytes_.begin(), extent_bytes_.end(), std::uint64_t{0});
}

journal_flush journal_writer::flush() {
    journal_flush flush;
    {
        std::lock_guard const hold{mutex_};

        // Take everything that has been appended: the next fdatasync serves all of it. Appenders
        // continue meanwhile; the lock is not held during a write.
        std::swap(taken_, pending_);
        flush.bytes = std::exchange(pending_bytes_, 0);
        flush.end = next_record_;
    }

    // Move the frames into the segment, and into further ones when it is full.
    flush.begin = flushed_record_;
    durable_record_ = flushed_record_;
    std::string_view payloads = taken_.payloads;
    for (auto const& frame : taken_.frames) {
        flush.error = add_to_group(frame, payloads.substr(0, frame.payload_bytes));
        if (flush.error != 0) {
            break;
        }
        payloads.remove_prefix(frame.payload_bytes);
    }

    // One write and one fdatasync for the last group.
    if (flush.error == 0 && !taken_.frames.empty()) {
        flush.error = write_out(flush.end);
    }
    if (flush.error != 0) {
        abandon();
    }

    // Groups of earlier segments of this flush may be durable although a later one failed.
    flush.durable_end = flush.error == 0 ? flush.end : durable_record_;
    flushed_record_ = flush.end;
    taken_.clear();
    return flush;
}

/// Adds a frame to the group: in the current segment, or in a new one if there is no room left.
int journal_writer::add_to_group(pending_frame const& frame, std::string_view payload) {
    std::size_t const bytes = frame_bytes(payload.size());
    if (output_ == nullptr ||
        written_bytes_ + group_.size() + bytes + mark_bytes > segment_bytes_) {
        // A full segment is made durable before the next one begins: the reader relies on it.
        if (output_ != nullptr && !group_.empty()) {
            if (int const error = write_out(frame.head.first_record); error != 0) {
                return error;
            }
        }

        if (int const error = open_segment(frame.head.first_record, bytes); error != 0) {
            return error;
        }
    }

    // Tells a later reader how much of the segment may not be missing.
    auto head = frame.head;
    head.durable_bytes = durable_bytes_;
    append_frame(group_, head, payload, location_);
    return 0;
}

/// Creates the next segment; on disk, with its name, before anything is written to it.
int journal_writer::open_segment(std::uint64_t first_record, std::size_t frame_on_disk_bytes) {
    output_.reset();
    segment_head const head{options_.stream, next_segment_, first_record, failed_};
    auto const file = options_.folder / segment_file_name(head.stream, head.number);

    // A frame is never split, so a large one gets a segment of its own size.
    segment_bytes_ = std::max<std::uint64_t>(options_.segment_bytes,
                                             segment_head_bytes + frame_on_disk_bytes + mark_bytes);

    int error = 0;
    output_ = disk_.create(file, segment_bytes_, encode(head), error);
    if (output_ == nullptr) {
        return error;
    }

    // The failure flag is on disk with the head, so it can be cleared.
    location_.segment = next_segment_++;
    failed_ = false;
    written_bytes_ = durable_bytes_ = segment_head_bytes;
    std::lock_guard const hold{mutex_};
    extents_.push_back({head.number, file, first_record, durable_bytes_, head.follows_failure});
    extent_bytes_.push_back(segment_bytes_);
    return 0;
}

/// Makes the group durable, and with it all records below `durable_end`. The mark after it records
/// that on disk: a later reader can tell damage from a write that was cut short.
int journal_writer::write_out(std::uint64_t durable_end) {
    int error = output_->write(written_bytes_, group_);
    error = error != 0 ? error : output_->sync();
    if (error != 0) {
        return error;
    }

    written_bytes_ += group_.size();
    durable_bytes_ = written_bytes_;
    durable_record_ = durable_end;

    // Readers may see the group only now: what they read has to survive a loss of power.
    publish();
    group_.clear();

    // The mark is written without its own fdatasync: the next group's makes it durable.
    frame_head mark;
    mark.type = frame_type::mark;
    mark.first_record = durable_end;
    mark.durable_bytes = durable_bytes_;
    append_frame(group_, mark, {}, location_);

    // The mark does not matter for this group, so a failure to write it is ignored. A bad disk
    // shows at the next group.
    if (output_->write(written_bytes_, group_) == 0) {
        written_bytes_ += group_.size();
    }
    group_.clear();
    return 0;
}

/// Gives the segment up after a failure. A second fdatasync would report success although the
/// kernel may have dropped the pages, so nothing is written to this segment again (R1).
void journal_writer::abandon() {
    output_.reset();
    group_.clear();
    failed_ = true;
}

/// Lets readers and release() see what is durable.
void journal_writer::publish() {
    std::lock_guard const hold{mutex_};
    extents_.back().durable_bytes = durable_bytes_;
    readable_end_ = durable_record_;
}

std::uint64_t journal_writer::readable_end() const {
    std::lock_guard const hold{mutex_};
    return readable_end_;
}

std::vector<segment_extent> journal_writer::extents() const {
    std::lock_guard const hold{mutex_};
    return {extents_.begin(), extents_.end()};
}

/// The file is removed outside the lock: unlink of a large file may take long, and appenders must
/// not wait for it.
int journal_writer::release(std::uint64_t record) {
    while (true) {
        std::filesystem::path file;
        {
            std::lock_guard const hold{mutex_};
            // A segment ends where the next one begins, so the last segment, which is being
            // written, is never removed.
            if (extents_.size() < 2 || extents_[1].first_record > record) {
                return 0;
            }
            file = extents_.front().file;
        }

        if (int const error = disk_.remove(file); error != 0) {
            return error;
        }
        std::lock_guard const hold{mutex_};
        extents_.pop_front();
        extent_bytes_.pop_front();
    }
}

int journal_writer::remove_all(std::uint64_t stored_below) {
    output_.reset();
    std::lock_guard const hold{mutex_};

    // The caller may be wrong about what is stored; an acknowledged record must not be removed.
    if (stored_below < readable_end_) {
        return EBUSY;
    }

    if (!extents_.empty()) {
        segment_head const end{options_.stream, next_segment_, readable_end_};
        if (int const error = create_end(disk_, options_.folder, end); error != 0) {
            return error;
        }
    }

    // The oldest first: after an error, what remains is the end of the stream.
    while (!extents_.empty()) {
        if (int const error = disk_.remove(extents_.front().file); error != 0) {
            return error;
        }
        extents_.pop_front();
        extent_bytes_.pop_front();
    }

    // Were a file to reappear, its records would be below the position, which stays.
    return disk_.sync_folder(options_.folder);
}

} // namespace tally::ingest
