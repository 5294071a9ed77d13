#pragma once

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// Whether an errno says that there is no room: neither on the disk nor in the user's quota.
[[nodiscard]] constexpr bool is_disk_full(int error) noexcept {
    return error == ENOSPC || error == EDQUOT;
}

/// A segment that is being written. Every call returns 0 or errno.
class segment_output {
  public:
    segment_output() = default;
    segment_output(segment_output const&) = delete;
    segment_output& operator=(segment_output const&) = delete;
    virtual ~segment_output() = default;

    [[nodiscard]] virtual int write(std::uint64_t offset, std::string_view bytes) noexcept = 0;
    /// After 0, everything written so far survives a loss of power. After an error it is unknown
    /// what is on disk, and a second call would not show it (the kernel drops the error once it was
    /// reported).
    [[nodiscard]] virtual int sync() noexcept = 0;
};

/// A segment that is read.
class segment_source {
  public:
    segment_source() = default;
    segment_source(segment_source const&) = delete;
    segment_source& operator=(segment_source const&) = delete;
    virtual ~segment_source() = default;

    /// Size of the file when it was opened.
    [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
    /// Reads into `out`, as much as there is from `offset`. Returns the number of bytes, less at
    /// the end of the file, or minus errno.
    [[nodiscard]] virtual std::int64_t read(std::uint64_t offset,
                                            std::span<char> out) const noexcept = 0;
};

/// A file of the journal's folder.
struct listed_file {
    std::filesystem::path file;
    std::uint64_t bytes = 0;
};

/// The operations of the journal on a disk; tests replace it by one that fails.
class journal_disk {
  public:
    journal_disk() = default;
    journal_disk(journal_disk const&) = delete;
    journal_disk& operator=(journal_disk const&) = delete;
    virtual ~journal_disk() = default;

    /// A new file with `bytes` allocated (so that a later write cannot find the disk full), which
    /// begins with `head`. The file and its name survive a loss of power. Null: `error` holds
    /// errno, and no file is left.
    virtual std::unique_ptr<segment_output> create(std::filesystem::path const& file,
                                                   std::uint64_t bytes, std::string_view head,
                                                   int& error) = 0;
    /// Null: `error` holds errno.
    virtual std::unique_ptr<segment_source> open(std::filesystem::path const& file, int& error) = 0;
    /// Throws std::runtime_error if the folder cannot be read.
    virtual std::vector<listed_file> list(std::filesystem::path const& folder) = 0;
    /// 0 also if it is not there. The name may reappear after a loss of power, until sync_folder().
    [[nodiscard]] virtual int remove(std::filesystem::path const& file) noexcept = 0;
    /// After 0, the removals in `folder` survive a loss of power.
    [[nodiscard]] virtual int sync_folder(std::filesystem::path const& folder) noexcept = 0;
};

/// The real disk.
journal_disk& real_disk();

} // namespace tally::ingest
