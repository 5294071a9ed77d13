#pragma once

#include "ingest/journal/disk.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tally::ingest::tests {

/// A disk in memory that loses power. What was synced stays; of what was written since then, any
/// sectors may have reached the platter, in any order. A given share of the calls fails.
class crashing_disk final : public journal_disk {
  public:
    explicit crashing_disk(std::uint64_t seed) : random_(seed) {}

    std::unique_ptr<segment_output> create(std::filesystem::path const& file, std::uint64_t bytes,
                                           std::string_view head, int& error) override;
    std::unique_ptr<segment_source> open(std::filesystem::path const& file, int& error) override;
    std::vector<listed_file> list(std::filesystem::path const& folder) override;
    int remove(std::filesystem::path const& file) noexcept override;
    int sync_folder(std::filesystem::path const& folder) noexcept override;

    /// Cuts a file, in the order of the names, to its first `bytes`.
    void cut(std::size_t file, std::size_t bytes);

    /// Number of calls in a thousand that fail.
    void fail_per_mille(unsigned writes, unsigned syncs, unsigned creates, unsigned reads = 0) {
        write_failures_ = writes;
        sync_failures_ = syncs;
        create_failures_ = creates;
        read_failures_ = reads;
    }
    /// Called before each sync, which fails with the error that it returns; 0: it goes on.
    void before_sync(std::function<int()> hook) { before_sync_ = std::move(hook); }
    /// How often the disk failed, by kind: "EIO", "ENOSPC", "torn write".
    [[nodiscard]] std::map<std::string, std::uint64_t> const& failures() const { return failures_; }
    /// Loses power and comes back: what open() and list() give from now on.
    void lose_power();
    /// The files as they may be after a loss of power, under their names in `folder`.
    void lose_power(std::filesystem::path const& folder);
    /// The files as a reader next to the live writer sees them, under their names in `folder`.
    void show(std::filesystem::path const& folder) const;
    [[nodiscard]] std::size_t files() const { return files_.size(); }
    /// How often a file was created or removed.
    [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
    /// Changes one byte of a file, as a platter that ages does. `file`: by the order of names.
    void spoil(std::size_t file, std::uint64_t offset);

  private:
    struct file_state {
        std::string durable;
        std::vector<std::pair<std::uint64_t, std::string>> unsynced;
    };
    class output;
    class source;

    bool fails(unsigned per_mille) { return random_() % 1000 < per_mille; }
    void lose_unsynced(file_state& state);

    std::mt19937_64 random_;
    using named_file = std::pair<std::filesystem::path, std::shared_ptr<file_state>>;
    std::map<std::filesystem::path, std::shared_ptr<file_state>> files_;
    std::vector<named_file> removed_; ///< since the folder was synced; they may reappear
    std::uint64_t changes_ = 0;
    unsigned write_failures_ = 0;
    unsigned sync_failures_ = 0;
    unsigned create_failures_ = 0;
    unsigned read_failures_ = 0;
    std::function<int()> before_sync_;
    std::map<std::string, std::uint64_t> failures_;
};

} // namespace tally::ingest::tests
