#pragma once

#include "daemon/suspense/suspense_retrier.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace tally::daemon {

/// Told of what waits and what became of it. Called on the watch's thread.
struct suspense_observer {
    std::function<void(std::vector<storage::waiting_reason> const&)> waiting; ///< all that wait
    std::function<void(retry_counts const&)> tried;                           ///< a page of them
    std::function<void(storage::batch const&)> stored;
};

/// Tries suspended records again when the reason may be gone: after each change of the catalog, and
/// now and then. A thread with connections of its own, away from the lanes: a page at a time, with
/// as long a rest behind it. Of several daemons on one database one does it, for as long as it
/// lives. Also counts what waits, for metrics.
class suspense_watch {
  public:
    struct options {
        std::string connection_string;
        storage::partition_policy partitions;
        std::int32_t attempts_max = 0; ///< of one record; 0: nothing is tried
    };

    suspense_watch(options how, suspense_observer told);
    ~suspense_watch();
    suspense_watch(suspense_watch const&) = delete;
    suspense_watch& operator=(suspense_watch const&) = delete;

    void start();
    /// Cuts short what is under way: what is not stored waits as before.
    void stop() noexcept;

    // What records are tried with; any thread.
    void set_sources(std::shared_ptr<ingest::source_table const> next);
    /// `as_of`: of when it is, by the database's clock. Records are tried soon after.
    void set_catalog(std::shared_ptr<rating::catalog const> next, ingest::time_us as_of);

  private:
    using clock = std::chrono::steady_clock;

    void run() noexcept;
    void round();
    void look();
    bool is_our_turn();
    void try_all();
    bool try_these(std::span<ingest::uuid const> due, retry_counts& all);
    void try_page(std::vector<ingest::uuid> ids, retry_counts& all);
    void take_up_work(retry_options const& with);
    void lay_down_work() noexcept;
    [[nodiscard]] retry_options options_now();
    bool rest(std::chrono::milliseconds time);
    options how_;
    suspense_observer told_;
    storage::pq_connection connection_;
    std::uint64_t our_generation_ = 0; ///< of the connection that has the turn; 0: none has
    clock::time_point next_look_;

    std::mutex mutex_; ///< guards what follows
    std::condition_variable wake_;
    std::shared_ptr<rating::catalog const> catalog_;
    std::shared_ptr<ingest::source_table const> sources_;
    ingest::time_us catalog_at_ = 0;
    ingest::time_us worked_with_ = 0; ///< the catalog_at_ of at_work_
    bool is_new_ = false;             ///< the catalog, since the last round began
    bool stopping_ = false;
    std::unique_ptr<suspense_retry> at_work_; ///< made, used and ended by the thread
    std::thread thread_;
};

} // namespace tally::daemon
