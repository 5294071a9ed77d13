#include "ingest/journal/writer.hpp"

#include "ingest/journal/segment.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <utility>

namespace tally::ingest {

namespace {

constexpr std::size_t mark_bytes = frame_bytes(0);

} // namespace

journal_writer::journal_writer(options chosen, journal_disk& disk)
    : options_(std::move(chosen)), disk_(disk) {
    place_.stream = options_.stream;
}

journal_writer::~journal_writer() = default;

std::uint64_t journal_writer::append(std::string_view payload, std::uint32_t records,
                                     time_us received) {
    std::lock_guard const hold{mutex_};
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
    return std::accumulate(extent_bytes_.begin(), extent_bytes_.end(), std::uint64_t{0});
}

journal_flush journal_writer::flush() {
    journal_flush said;
    {
        std::lock_guard const hold{mutex_};
        std::swap(taken_, pending_);
        said.bytes = std::exchange(pending_bytes_, 0);
        said.end = next_record_;
    }
    said.begin = flushed_record_;
    durable_record_ = flushed_record_;
    std::string_view payloads = taken_.payloads;
    for (auto const& frame : taken_.frames) {
        said.error = place(frame, payloads.substr(0, frame.payload_bytes));
        if (said.error != 0) {
            break;
        }
        payloads.remove_prefix(frame.payload_bytes);
    }
    if (said.error == 0 && !taken_.frames.empty()) {
        said.error = write_out(said.end);
    }
    if (said.error != 0) {
        abandon();
    }
    said.durable_end = said.error == 0 ? said.end : durable_record_;
    flushed_record_ = said.end;
    taken_.clear();
    return said;
}

/// Adds a frame to the group, in the current segment or, when it has no room left, in a new one.
int journal_writer::place(pending_frame const& frame, std::string_view payload) {
    std::size_t const bytes = frame_bytes(payload.size());
    if (output_ == nullptr ||
        written_bytes_ + group_.size() + bytes + mark_bytes > segment_bytes_) {
        if (output_ != nullptr && !group_.empty()) {
            if (int const error = write_out(frame.head.first_record); error != 0) {
                return error;
            }
        }
        if (int const error = open_segment(frame.head.first_record, bytes); error != 0) {
            return error;
        }
    }
    auto head = frame.head;
    head.durable_bytes = durable_bytes_;
    append_frame(group_, head, payload, place_);
    return 0;
}

int journal_writer::open_segment(std::uint64_t first_record, std::size_t frame_on_disk_bytes) {
    output_.reset();
    segment_head const head{options_.stream, next_segment_, first_record, failed_};
    auto const file = options_.folder / segment_file_name(head.stream, head.number);
    segment_bytes_ = std::max<std::uint64_t>(options_.segment_bytes,
                                             segment_head_bytes + frame_on_disk_bytes + mark_bytes);
    int error = 0;
    output_ = disk_.create(file, segment_bytes_, encode(head), error);
    if (output_ == nullptr) {
        return error;
    }
    place_.segment = next_segment_++;
    failed_ = false;
    written_bytes_ = durable_bytes_ = segment_head_bytes;
    std::lock_guard const hold{mutex_};
    extents_.push_back({head.number, file, first_record, durable_bytes_, head.follows_failure});
    extent_bytes_.push_back(segment_bytes_);
    return 0;
}

/// The group goes to disk for good; all records below `durable_end` are there then. The mark behind
/// it says so: whoever reads the segment later can tell damage from a write that was cut short.
int journal_writer::write_out(std::uint64_t durable_end) {
    int error = output_->write(written_bytes_, group_);
    error = error != 0 ? error : output_->sync();
    if (error != 0) {
        return error;
    }
    written_bytes_ += group_.size();
    durable_bytes_ = written_bytes_;
    durable_record_ = durable_end;
    publish();
    group_.clear();
    frame_head mark;
    mark.type = frame_type::mark;
    mark.first_record = durable_end;
    mark.durable_bytes = durable_bytes_;
    append_frame(group_, mark, {}, place_);
    // The mark is of no weight for this group: a failure shows at the next one.
    if (output_->write(written_bytes_, group_) == 0) {
        written_bytes_ += group_.size();
    }
    group_.clear();
    return 0;
}

void journal_writer::abandon() {
    output_.reset();
    group_.clear();
    failed_ = true;
}

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

int journal_writer::release(std::uint64_t record) {
    while (true) {
        std::filesystem::path file;
        {
            std::lock_guard const hold{mutex_};
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
    if (stored_below < readable_end_) {
        return EBUSY;
    }
    while (!extents_.empty()) {
        if (int const error = disk_.remove(extents_.front().file); error != 0) {
            return error;
        }
        extents_.pop_front();
        extent_bytes_.pop_front();
    }
    return disk_.sync_folder(options_.folder);
}

} // namespace tally::ingest
