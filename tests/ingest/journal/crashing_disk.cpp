#include "tests/ingest/journal/crashing_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

namespace tally::ingest::tests {

namespace {

constexpr std::size_t sector_bytes = 512;

} // namespace

class crashing_disk::output final : public segment_output {
  public:
    output(crashing_disk& disk, std::shared_ptr<file_state> file)
        : disk_(disk), file_(std::move(file)) {}

    int write(std::uint64_t offset, std::string_view bytes) noexcept override {
        bool const fails = disk_.fails(disk_.write_failures_);
        // A failed write may have been done in part.
        std::size_t const done = fails ? disk_.random_() % (bytes.size() + 1) : bytes.size();
        file_->unsynced.emplace_back(offset, std::string{bytes.substr(0, done)});
        disk_.failures_["ENOSPC"] += fails ? 1 : 0;
        return fails ? ENOSPC : 0;
    }
    int sync() noexcept override {
        int const error = disk_.before_sync_ ? disk_.before_sync_() : 0;
        if (error != 0 || disk_.fails(disk_.sync_failures_)) {
            ++disk_.failures_["EIO"];
            return error != 0 ? error : EIO; // from now on it is unknown what is on disk
        }
        for (auto const& [offset, bytes] : file_->unsynced) {
            file_->durable.replace(offset, bytes.size(), bytes);
        }
        file_->unsynced.clear();
        return 0;
    }

  private:
    crashing_disk& disk_;
    std::shared_ptr<file_state> file_;
};

std::unique_ptr<segment_output> crashing_disk::create(std::filesystem::path const& file,
                                                      std::uint64_t bytes, std::string_view head,
                                                      int& error) {
    if (fails(create_failures_)) {
        error = ENOSPC;
        return nullptr;
    }
    auto made = std::make_shared<file_state>();
    made->durable = head;
    made->durable.resize(bytes, '\0');
    files_[file] = made;
    ++changes_;
    removed_.clear(); // the folder was synced for the new name
    return std::make_unique<output>(*this, made);
}

int crashing_disk::remove(std::filesystem::path const& file) noexcept {
    if (auto const found = files_.find(file); found != files_.end()) {
        ++changes_;
        removed_.emplace_back(*found);
        files_.erase(found);
    }
    return 0;
}

int crashing_disk::sync_folder(std::filesystem::path const& /*folder*/) noexcept {
    removed_.clear();
    return 0;
}

void crashing_disk::spoil(std::size_t file, std::uint64_t offset) {
    auto& byte = std::next(files_.begin(), static_cast<std::ptrdiff_t>(file))
                     ->second->durable.at(static_cast<std::size_t>(offset));
    byte = static_cast<char>(byte ^ 0x55);
}

void crashing_disk::cut(std::size_t file, std::size_t bytes) {
    std::next(files_.begin(), static_cast<std::ptrdiff_t>(file))->second->durable.resize(bytes);
}

void crashing_disk::show(std::filesystem::path const& folder) const {
    for (auto const& [file, state] : removed_) {
        std::filesystem::remove(folder / file.filename());
    }
    for (auto const& [file, state] : files_) {
        std::string bytes = state->durable;
        for (auto const& [offset, written] : state->unsynced) {
            bytes.replace(offset, written.size(), written);
        }
        std::ofstream{folder / file.filename(), std::ios::binary} << bytes;
    }
}

void crashing_disk::lose_power(std::filesystem::path const& folder) {
    lose_power();
    for (auto const& [file, state] : files_) {
        std::ofstream{folder / file.filename(), std::ios::binary} << state->durable;
    }
}

void crashing_disk::lose_power() {
    // A file system keeps the order of removals: those that are undone are the last ones.
    auto const undone = removed_.empty() ? 0 : random_() % (removed_.size() + 1);
    files_.insert(removed_.end() - static_cast<std::ptrdiff_t>(undone), removed_.end());
    removed_.clear();
    for (auto const& [file, state] : files_) {
        lose_unsynced(*state);
    }
}

/// Any sectors of what was not synced may be on disk.
void crashing_disk::lose_unsynced(file_state& state) {
    for (auto const& [offset, written] : state.unsynced) {
        std::size_t kept = 0;
        for (std::size_t index = 0; index < written.size();) {
            // Up to the next sector's border.
            std::size_t const part =
                std::min(written.size() - index, sector_bytes - (offset + index) % sector_bytes);
            if (random_() % 2 == 0) {
                state.durable.replace(offset + index, part, written, index, part);
                kept += part;
            }
            index += part;
        }
        failures_["torn write"] += kept > 0 && kept < written.size() ? 1 : 0;
    }
    state.unsynced.clear();
}

/// Reads what was written, synced or not, as the system's cache shows it.
class crashing_disk::source final : public segment_source {
  public:
    source(crashing_disk& disk, std::shared_ptr<file_state> file)
        : disk_(disk), file_(std::move(file)) {}

    [[nodiscard]] std::uint64_t bytes() const noexcept override { return file_->durable.size(); }
    [[nodiscard]] std::int64_t read(std::uint64_t offset,
                                    std::span<char> out) const noexcept override {
        if (disk_.fails(disk_.read_failures_)) {
            return -EIO;
        }
        auto const count = std::min<std::uint64_t>(out.size(), bytes() - std::min(offset, bytes()));
        file_->durable.copy(out.data(), count, offset);
        for (auto const& [begin, written] : file_->unsynced) {
            auto const first = std::max(begin, offset);
            auto const end = std::min(begin + written.size(), offset + count);
            if (first < end) {
                written.copy(out.data() + (first - offset), end - first, first - begin);
            }
        }
        return static_cast<std::int64_t>(count);
    }

  private:
    crashing_disk& disk_;
    std::shared_ptr<file_state> file_;
};

std::unique_ptr<segment_source> crashing_disk::open(std::filesystem::path const& file, int& error) {
    auto const found = files_.find(file);
    if (found == files_.end()) {
        error = ENOENT;
        return nullptr;
    }
    return std::make_unique<source>(*this, found->second);
}

std::vector<listed_file> crashing_disk::list(std::filesystem::path const& /*folder*/) {
    std::vector<listed_file> found;
    for (auto const& [file, state] : files_) {
        found.push_back({file, state->durable.size()});
    }
    return found;
}

} // namespace tally::ingest::tests
