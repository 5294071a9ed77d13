#include "ingest/journal/folder.hpp"

#include "ingest/journal/disk.hpp"
#include "ingest/journal/segment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <unistd.h>

namespace tally::ingest {

namespace {

namespace fs = std::filesystem;

constexpr char const* lock_name = "journal.lock";

std::runtime_error failed(std::string const& text, fs::path const& path) {
    return std::runtime_error{text + " " + path.string() + ": " + std::strerror(errno)};
}

void write_pid(int descriptor) noexcept {
    std::string const text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor, 0) == 0) {
        static_cast<void>(::pwrite(descriptor, text.data(), text.size(), 0));
    }
}

/// The extent of a segment by its head, or by its name if the head cannot be read.
segment_extent extent_of(journal_disk& disk, fs::path const& file, frame_location const& location) {
    segment_extent extent;
    extent.number = location.segment;
    extent.file = file;
    extent.first_record = segment_extent::unknown;
    // A head that cannot be read leaves the first record unknown: the reader then decides what is
    // missing.
    segment_input input{disk, file};
    if (auto const head = decode_segment_head(input.view(0, segment_head_bytes))) {
        extent.first_record = head->first_record;
        extent.follows_failure = head->follows_failure;
        extent.version = head->version;
    }
    return extent;
}

} // namespace

journal_folder::journal_folder(fs::path folder, journal_disk& disk)
    : path_(std::move(folder)), disk_(disk) {}

journal_folder::journal_folder(fs::path folder) : journal_folder(std::move(folder), real_disk()) {
    std::error_code failure;
    if (fs::create_directories(path_, failure)) { // it holds what senders reported
        fs::permissions(path_, fs::perms::owner_all, failure);
    }
    if (failure) {
        throw std::runtime_error{"cannot make the journal's folder " + path_.string() + ": " +
                                 failure.message()};
    }
    fs::path const file = path_ / lock_name;
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) {
        throw failed("cannot open", file);
    }

    // Two writers in one folder would remove each other's segments. The kernel releases the lock
    // with the process, so a crash leaves none behind.
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        std::string holder;
        std::ifstream{file} >> holder;
        ::close(std::exchange(lock_, -1));
        throw std::runtime_error{"the journal " + path_.string() +
                                 " is in use by another tallyd (pid " + holder +
                                 "): give each daemon a journal.dir of its own"};
    }

    // Only for the error message of a second daemon.
    write_pid(lock_);
}

journal_folder::~journal_folder() {
    if (lock_ >= 0) {
        ::close(lock_);
    }
}

std::vector<journal_stream> journal_streams_in(fs::path const& folder, journal_disk& disk) {
    std::map<uuid, journal_stream> found;
    for (auto const& entry : disk.list(folder)) {
        auto const location = parse_segment_file_name(entry.file.filename().string());
        // The lock, and files of other programs.
        if (!location) {
            continue;
        }
        auto& stream = found[location->stream];
        stream.id = location->stream;
        auto& extent = stream.segments.emplace_back(extent_of(disk, entry.file, *location));
        extent.is_end =
            entry.bytes <= segment_head_bytes && extent.first_record != segment_extent::unknown;
        stream.bytes += entry.bytes;
    }

    // Stream ids are UUIDs of version 7, so the map's order is the order of the runs.
    std::vector<journal_stream> streams;
    for (auto& [id, stream] : found) {
        std::sort(stream.segments.begin(), stream.segments.end(),
                  [](auto const& a, auto const& b) { return a.number < b.number; });
        streams.push_back(std::move(stream));
    }
    return streams;
}

int journal_folder::mark_end(journal_stream& stream, std::uint64_t end) const {
    auto& segments = stream.segments;
    if (segments.empty() || segments.back().is_end) {
        return 0;
    }
    auto const extent = end_of(stream, end);
    int const error = write(stream, extent);
    if (error == 0) {
        segments.push_back(extent);
    }
    return error;
}

/// The extent that follows the last segment of a stream.
segment_extent journal_folder::end_of(journal_stream const& stream, std::uint64_t end) const {
    segment_extent extent;
    extent.number = stream.segments.back().number + 1;
    extent.file = path_ / segment_file_name(stream.id, extent.number);
    extent.first_record = end;
    extent.follows_failure = true;
    extent.is_end = true;
    return extent;
}

int journal_folder::write(journal_stream const& stream, segment_extent const& end) const {
    return create_end(disk_, path_, {stream.id, end.number, end.first_record});
}

int journal_folder::remove(journal_stream& stream, std::uint64_t end) const {
    // What an earlier call could not write: by now there may be room.
    auto& segments = stream.segments;
    if (stream.is_removed() && !stream.is_end_written) {
        int const error = write(stream, segments.front());
        stream.is_end_written = error == 0;
        return error;
    }

    auto const remove_to = [&](std::size_t left) -> int {
        // The oldest first, so that what remains after an interruption is the end of the stream.
        while (segments.size() > left) {
            if (int const error = disk_.remove(segments.front().file); error != 0) {
                return error;
            }
            segments.erase(segments.begin());
        }
        return 0;
    };

    // A disk may be too full for a file of 64 bytes: then the older segments go first.
    int error = mark_end(stream, end);
    if (is_disk_full(error) && segments.size() > 1) {
        error = remove_to(1);
        error = error != 0 ? error : mark_end(stream, end);
    }

    // Or all of them: that room is for pushes is worth more than an end that a crash now would
    // lose.
    if (is_disk_full(error)) {
        auto const extent = end_of(stream, end);
        if (int const failed = remove_to(0); failed != 0) {
            return failed;
        }
        segments.push_back(extent);
        error = write(stream, extent);
        stream.is_end_written = error == 0;
    }
    error = error != 0 ? error : remove_to(1);

    // After a loss of power the names may be back if the sync fails. Their records are stored, and
    // the position, which stays, says so.
    if (error == 0) {
        static_cast<void>(disk_.sync_folder(path_));
        stream.bytes = segment_head_bytes;
    }
    return error;
}

int journal_folder::forget(journal_stream const& stream) const noexcept {
    for (auto const& segment : stream.segments) {
        if (int const error = disk_.remove(segment.file); error != 0) {
            return error;
        }
    }
    return disk_.sync_folder(path_);
}

} // namespace tally::ingest
