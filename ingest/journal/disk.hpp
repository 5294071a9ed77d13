#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace tally::ingest {

/// A segment that is being written. Every call gives 0 or errno.
class segment_output {
  public:
    segment_output() = default;
    segment_output(segment_output const&) = delete;
    segment_output& operator=(segment_output const&) = delete;
    virtual ~segment_output() = default;

    [[nodiscard]] virtual int write(std::uint64_t offset, std::string_view bytes) noexcept = 0;
    /// After 0 all that was written survives a loss of power. After anything else nobody knows what
    /// is on disk, and asking again would not tell (the kernel forgets that it failed).
    [[nodiscard]] virtual int sync() noexcept = 0;
};

/// What the journal does to a disk; a test stands a failing one in its place.
class journal_disk {
  public:
    journal_disk() = default;
    journal_disk(journal_disk const&) = delete;
    journal_disk& operator=(journal_disk const&) = delete;
    virtual ~journal_disk() = default;

    /// A new file of `bytes` that are really there (a later write cannot find the disk full), which
    /// begins with `head`; both it and its name survive a loss of power. Null: `error` says why,
    /// and no file is left.
    virtual std::unique_ptr<segment_output> create(std::filesystem::path const& file,
                                                   std::uint64_t bytes, std::string_view head,
                                                   int& error) = 0;
    /// The name may come back after a loss of power, until sync_folder().
    [[nodiscard]] virtual int remove(std::filesystem::path const& file) noexcept = 0;
    /// After 0 the removals in `folder` survive a loss of power.
    [[nodiscard]] virtual int sync_folder(std::filesystem::path const& folder) noexcept = 0;
};

/// The disk itself.
journal_disk& real_disk();

} // namespace tally::ingest
