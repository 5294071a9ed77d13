#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/journal/disk.hpp"
#include "ingest/journal/extent.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace tally::ingest {

/// A stream of an earlier run: its writer is gone.
struct journal_stream {
    uuid id;
    std::vector<segment_extent> segments; ///< in order; durable_bytes unknown
    std::uint64_t bytes = 0;              ///< on disk
    bool is_end_written = true; ///< false: the disk was too full for the end; see remove()

    /// Its records were removed: only the segment is left that says where it ended.
    [[nodiscard]] bool is_removed() const noexcept {
        return segments.size() == 1 && segments.front().is_end;
    }
};

/// The streams in a journal's folder, oldest first (their ids are ordered by time), whether or not
/// a process holds it. A segment whose head cannot be read is listed by its name; one that is
/// removed meanwhile is left out. Throws std::runtime_error when the folder cannot be read.
std::vector<journal_stream> journal_streams_in(std::filesystem::path const& folder,
                                               journal_disk& disk = real_disk());

/// The journal's folder, held by one process at a time (flock on "journal.lock", which contains its
/// pid). The lock is released when the object or the process ends, even by a crash.
class journal_folder {
  public:
    /// Creates the folder, for its owner only, if it is missing. Throws std::runtime_error with the
    /// reason, and with the pid of the process that holds the folder.
    explicit journal_folder(std::filesystem::path folder);
    /// A folder of another disk; nothing locks it.
    journal_folder(std::filesystem::path folder, journal_disk& disk);
    ~journal_folder();
    journal_folder(journal_folder const&) = delete;
    journal_folder& operator=(journal_folder const&) = delete;

    [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }
    [[nodiscard]] journal_disk& disk() const noexcept { return disk_; }
    /// See journal_streams_in().
    [[nodiscard]] std::vector<journal_stream> streams() const {
        return journal_streams_in(path_, disk_);
    }
    /// Adds the segment that says where a stream ended, at record `end` (create_end()), to its
    /// files and to `stream`, unless it is there. Returns 0 or errno.
    [[nodiscard]] int mark_end(journal_stream& stream, std::uint64_t end) const;
    /// Removes a stream's files, in order, and leaves only that segment. What is left is in
    /// `stream`, also after an error; its `bytes` are of before then. An interrupted removal leaves
    /// a stream whose first records are missing, as after journal_writer::release; it can be
    /// repeated. On a disk that has no room for the end the files go all the same, and a further
    /// call writes it. Returns 0 or errno.
    [[nodiscard]] int remove(journal_stream& stream, std::uint64_t end) const;
    /// Removes also what remove() has left. After 0 it does not reappear after a loss of power.
    [[nodiscard]] int forget(journal_stream const& stream) const noexcept;

  private:
    [[nodiscard]] segment_extent end_of(journal_stream const& stream, std::uint64_t end) const;
    [[nodiscard]] int write(journal_stream const& stream, segment_extent const& end) const;

    std::filesystem::path path_;
    journal_disk& disk_;
    int lock_ = -1;
};

} // namespace tally::ingest
