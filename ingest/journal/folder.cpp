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
    segment_head const head{stream.id, segments.back().number + 1, end};
    if (int const error = create_end(disk_, path_, head); error != 0) {
        return error;
    }
    segments.push_back({head.number, path_ / segment_file_name(head.stream, head.number), end,
                        segment_extent::unknown, true, head.version, true});
    return 0;
}

int journal_folder::remove(journal_stream& stream, std::uint64_t end) const {
    auto& segments = stream.segments;
    auto const remove_all_but_last = [&]() -> int {
        // The oldest first, so that what remains after an interruption is the end of the stream.
        while (segments.size() > 1) {
            int const error = disk_.remove(segments.front().file);
            if (error != 0 && error != ENOENT) {
                return error;
            }
            segments.erase(segments.begin());
        }
        return 0;
    };

    // Without an end the last segment stays: it says the same, and by then a full disk has room.
    int error = mark_end(stream, end) == 0 ? 0 : remove_all_but_last();
    error = error != 0 ? error : mark_end(stream, end);
    error = error != 0 ? error : remove_all_but_last();
    if (error != 0) {
        return error;
    }

    // After a loss of power the names may be back if this fails. Their records are stored, and the
    // position, which stays, says so.
    static_cast<void>(disk_.sync_folder(path_));
    stream.bytes = segment_head_bytes;
    return 0;
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
