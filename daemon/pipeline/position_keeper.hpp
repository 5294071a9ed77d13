#pragma once

#include "daemon/pipeline/stored_prefix.hpp"
#include "storage/lane/position_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace tally::daemon {

/// One stream whose position the keeper writes. Shared with the stream's reader.
struct kept_position {
    kept_position(std::string stream_name, std::uint64_t position)
        : name{std::move(stream_name)}, prefix{position}, committed{position} {}

    std::string name;
    stored_prefix prefix;
    /// All records below are stored, and the database says so. Only what is below may be released
    /// or reported as drained.
    std::atomic<std::uint64_t> committed;
    std::function<void(std::uint64_t committed)>
        on_committed; ///< called by the keeper; may be empty
};

/// Writes the positions of streams, after the records: as soon as the stored prefix of a stream has
/// grown, and every few seconds anyway, to notice that the database went back to an older state (a
/// promoted standby that was behind, a restore).
///
///     prefix.below() ──→ "are the last batches of all lanes there, and the old position?"
///                          yes: move the position          no: has_lost()
///
/// A database that went back lacks a batch or has a lower position. The reader then begins again at
/// the positions of the database, with a new watch(). docs/ARCHITECTURE.md, R2 and R5.
///
/// Stepped by one thread; the other functions are for any thread.
class position_keeper {
  public:
    using clock = std::chrono::steady_clock;

    struct options {
        std::chrono::milliseconds write_interval{50};
        std::chrono::milliseconds check_interval{2000};
        std::chrono::milliseconds retry_interval{1000};
    };

    /// The lanes' last batches (pipeline::last_batches and forget_last_batches).
    struct lane_batches {
        std::function<std::vector<ingest::uuid>()> last;
        std::function<void(std::span<ingest::uuid const>)> forget;
    };

    position_keeper(storage::position_store& store, lane_batches lanes, options settings);

    /// From now on these streams are kept, and no others; of those in `ended` the position does not
    /// move any longer, and is only checked. Clears has_lost().
    void watch(std::vector<std::shared_ptr<kept_position>> streams,
               std::vector<std::shared_ptr<kept_position>> ended = {});
    /// The position of this stream does not move any longer.
    void end(std::shared_ptr<kept_position> const& stream);
    /// This stream is no longer kept.
    void unwatch(std::shared_ptr<kept_position> const& stream);
    /// The database lacks what it had committed. No position moves until the next watch().
    [[nodiscard]] bool has_lost() const noexcept { return has_lost_; }
    /// Whether positions were written or checked lately: false while the database does not answer.
    [[nodiscard]] bool is_current() const noexcept { return is_current_; }

    /// Writes and checks what is due. Returns how long nothing will be due.
    clock::duration step(clock::time_point now);

  private:
    /// How the request for one stream ended.
    enum class outcome : std::uint8_t { done, failed, lost };

    outcome write(std::shared_ptr<kept_position> const& kept, std::uint64_t next,
                  std::span<ingest::uuid const> batches);
    outcome check_ended(std::vector<std::shared_ptr<kept_position>> const& ended);
    void note_answer(std::string_view stream, storage::result const& status);
    bool note_loss(std::shared_ptr<kept_position> const& kept);

    storage::position_store& store_;
    lane_batches lanes_;
    options options_;
    std::mutex mutex_; ///< guards streams_ and ended_
    std::vector<std::shared_ptr<kept_position>> streams_;
    std::vector<std::shared_ptr<kept_position>> ended_;
    std::atomic<bool> has_lost_{false};
    std::atomic<bool> is_current_{true};
    clock::time_point checked_at_;
};

} // namespace tally::daemon
