#pragma once

#include "storage/lane/batch_entry.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace tally::storage {

/// How a part of a batch that the database refused is tried again.
struct divided_part {
    std::vector<std::span<batch_entry>> innocent; ///< of other sources: to be stored at once
    std::vector<std::span<batch_entry>> suspect;  ///< of one source each: to be stored slowly
};

/// Divides a refused part: by source first, so that one sender's bad records do not hold up the
/// records of others; a part of one source in halves, until one entry is left. `culprit` is the
/// entry that the database named, or nullptr. Reorders the entries; those of a source keep their
/// order.
divided_part divide(std::span<batch_entry> part, batch_entry const* culprit);

/// The sources that are known to have sent bad records. One thread.
class refused_sources {
  public:
    /// `part` was refused. Of several sources none is known to be bad, unless the database named
    /// the record (`culprit`, or nullptr).
    void add(std::span<batch_entry const> part, batch_entry const* culprit);
    /// Forgets the sources for which `is_kept(source)` is false.
    template <typename Predicate>
    void keep_if(Predicate const& is_kept) {
        std::erase_if(ids_, [&is_kept](ingest::uuid const& id) { return !is_kept(id); });
    }
    [[nodiscard]] bool is_empty() const noexcept { return ids_.empty(); }
    [[nodiscard]] bool contains(ingest::uuid const& source) const noexcept {
        return std::ranges::find(ids_, source) != ids_.end();
    }

  private:
    std::vector<ingest::uuid> ids_;
};

/// Bounds the failed transactions that a search for bad records makes: a few at once, then a number
/// per second. One thread.
class failure_budget {
  public:
    using clock = std::chrono::steady_clock;

    explicit failure_budget(std::int32_t burst = 8, std::int32_t per_second = 8) noexcept
        : burst_{burst}, interval_{std::chrono::nanoseconds{std::chrono::seconds{1}} / per_second},
          left_{burst} {}

    /// Whether one more attempt that may fail is allowed now.
    [[nodiscard]] bool allows(clock::time_point now) noexcept {
        refill(now);
        return left_ > 0;
    }
    /// To be called after an attempt that failed.
    void spend(clock::time_point now) noexcept {
        refill(now);
        left_ = left_ > 0 ? left_ - 1 : 0;
    }
    /// How long until the next attempt is allowed; zero: now.
    [[nodiscard]] clock::duration wait(clock::time_point now) noexcept {
        return allows(now) ? clock::duration::zero() : filled_at_ + interval_ - now;
    }

  private:
    void refill(clock::time_point now) noexcept {
        if (left_ >= burst_ || filled_at_ == clock::time_point{}) {
            filled_at_ = now;
            return;
        }
        while (left_ < burst_ && filled_at_ + interval_ <= now) {
            ++left_;
            filled_at_ += interval_;
        }
    }

    std::int32_t burst_;
    clock::duration interval_;
    std::int32_t left_;
    clock::time_point filled_at_;
};

} // namespace tally::storage
