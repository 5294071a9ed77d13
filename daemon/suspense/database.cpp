#include "daemon/suspense/database.hpp"

#include "storage/postgres/database_error.hpp"

#include <mutex>

namespace tally::daemon {

namespace {

using storage::check;

class postgres_suspense final : public suspense_database {
  public:
    postgres_suspense(std::string const& connection_string,
                      storage::partition_policy const& partitions)
        : connection_string_{connection_string}, partitions_{partitions},
          connection_{connection_string, "tallyd suspense", {}, storage::due_limits()} {}

    std::vector<storage::waiting_reason> waiting() override {
        return check(storage::waiting_by_reason(connection_));
    }

    bool is_leader() override {
        // The advisory lock lives as long as the session, so a connection that was opened again
        // since (a new generation) no longer holds it.
        if (connection_.is_open() && our_generation_ == connection_.generation()) {
            return true;
        }

        // Not ours is no failure: another daemon retries, and this one asks again in the next
        // cycle.
        bool const is_ours = check(storage::try_become_leader(connection_));
        our_generation_ = is_ours ? connection_.generation() : 0;
        return is_ours;
    }

    std::vector<ingest::uuid> due(storage::automatic_attempts const& attempts,
                                  std::int32_t ids_max) override {
        return check(storage::find_due(connection_, attempts, ids_max));
    }

    /// The rows are read in portions of bounded size, so large payloads take several reads.
    retry_counts retry(std::vector<ingest::uuid> ids, retry_options const& options) override {
        ensure_retrier(options);

        // Only rows that still wait: a person or another daemon may have resolved some since they
        // were found.
        storage::suspense_filter filter;
        filter.ids = std::move(ids);
        filter.state = "waiting";

        // Each read begins behind the last id of the one before.
        std::vector<storage::suspense_record> records;
        ingest::uuid after;
        do {
            check(storage::next_suspense(connection_, filter, after, records));
            if (!records.empty()) {
                after = records.back().id;
                retrier_->retry(records);
            }
        } while (!records.empty());
        return retrier_->take_counts();
    }

    void end_retries() noexcept override {
        std::unique_ptr<suspense_retry> ended;
        std::lock_guard const lock{mutex_};
        ended.swap(retrier_);
    }

    void cancel() noexcept override {
        connection_.cancel();
        std::lock_guard const lock{mutex_};
        if (retrier_) {
            retrier_->cancel();
        }
    }
    [[nodiscard]] bool is_cancelled() const noexcept override { return connection_.is_cancelled(); }

  private:
    /// One retrier serves all pages with the same catalog: it keeps its connections and its usage
    /// rows.
    void ensure_retrier(retry_options const& options) {
        auto const catalog_at = options.automatic ? options.automatic->catalog_at : 0;
        if (retrier_ && worked_with_ == catalog_at) {
            return;
        }
        end_retries();

        // Connections of its own: a retry must not wait behind the search for due rows.
        auto chosen = options;
        chosen.connection_string = connection_string_;
        chosen.purpose = "tallyd suspense retry";
        chosen.partitions = partitions_;
        auto made = std::make_unique<suspense_retry>(std::move(chosen));

        // cancel() may have come while the retrier was made, and did not see it.
        std::lock_guard const lock{mutex_};
        retrier_ = std::move(made);
        worked_with_ = catalog_at;
        if (connection_.is_cancelled()) {
            retrier_->cancel();
        }
    }

    std::string connection_string_;
    storage::partition_policy partitions_;
    storage::pq_connection connection_;
    std::uint64_t our_generation_ = 0; ///< of the connection that holds the lock; 0: not the leader
    ingest::time_us worked_with_ = 0;  ///< time of the catalog that retrier_ uses
    std::mutex mutex_;                 ///< guards retrier_ against cancel()
    std::unique_ptr<suspense_retry> retrier_; ///< set and used by the thread
};

} // namespace

std::unique_ptr<suspense_database>
suspense_database_at(std::string const& connection_string,
                     storage::partition_policy const& partitions) {
    return std::make_unique<postgres_suspense>(connection_string, partitions);
}

} // namespace tally::daemon
