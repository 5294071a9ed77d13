#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>

namespace tally::daemon {

/// How much of one stream is stored: the blocks under way, in stream order. Lanes finish them in
/// any order, and a stream is only stored up to the first unfinished one:
///
///     parts   [ stored | stored | under way | stored | under way ]
///                               ^ below()
///
/// This is the only place that computes the number (docs/ARCHITECTURE.md, R2). A part that was
/// given up stays unfinished, so the number never passes it. Any thread.
class stored_prefix {
  public:
    /// All records below `begin` are stored.
    explicit stored_prefix(std::uint64_t begin) noexcept : end_{begin} {}

    /// A block of the records [first, end) is under way; blocks begin in stream order. Returns its
    /// number.
    std::uint64_t begin(std::uint64_t first, std::uint64_t end) {
        std::lock_guard const lock{mutex_};
        parts_.push_back({first, end, false});
        return first_part_ + parts_.size() - 1;
    }
    /// The block is stored, in every lane.
    void finish(std::uint64_t number) {
        std::lock_guard const lock{mutex_};
        parts_[static_cast<std::size_t>(number - first_part_)].is_stored = true;
        advance();
    }
    /// An operator has settled that nothing below `record` is waited for.
    void settle(std::uint64_t record) {
        std::lock_guard const lock{mutex_};
        end_ = std::max(end_, record);
        advance();
    }
    /// No block is under way, and all records below `record` and no further ones are stored.
    [[nodiscard]] bool is_idle_at(std::uint64_t record) const {
        std::lock_guard const lock{mutex_};
        return parts_.empty() && end_ == record;
    }
    /// All records below this number are stored.
    [[nodiscard]] std::uint64_t below() const {
        std::lock_guard const lock{mutex_};
        return end_;
    }

  private:
    struct part {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
        bool is_stored = false;
    };

    // A part that begins beyond the prefix follows a gap, which only settle() closes.
    void advance() {
        while (!parts_.empty() && parts_.front().is_stored && parts_.front().first <= end_) {
            end_ = std::max(end_, parts_.front().end);
            parts_.pop_front();
            ++first_part_;
        }
    }

    mutable std::mutex mutex_; ///< guards all members
    std::deque<part> parts_;
    std::uint64_t first_part_ = 0; ///< the number of parts_.front()
    std::uint64_t end_;
};

} // namespace tally::daemon
