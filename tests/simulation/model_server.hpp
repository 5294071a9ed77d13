#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/position_store.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tally::simulation {

/// A stored call as the checks need it.
struct model_call {
    std::string content; ///< equal if and only if ingest::same_content says so
    ingest::uuid subscription_id;
    rating::int128 cost_nanos = 0;
    storage::stored_call columns;
};

struct model_usage {
    std::int64_t version = 0;
    std::int64_t calls = 0;
    std::int64_t included_s = 0;
    rating::int128 cost_nanos = 0;
};

/// What a PostgreSQL server has committed, as far as the road uses it. Tables are maps; constraints
/// are what commit() of the store refuses.
struct model_state {
    std::map<storage::call_key, model_call> calls;
    std::map<std::string, ingest::time_us> suspense; ///< payload -> when it was received
    std::set<ingest::uuid> batches;
    std::map<storage::usage_key, model_usage> usage;
    std::map<ingest::uuid, rating::int128> charges; ///< by account
    std::map<std::string, std::uint64_t> positions;
    std::map<std::string, std::map<std::uint64_t, storage::decided_range>> decisions;
};

/// The server: its present state, the states it had, and its sessions. A failover goes back to an
/// earlier state and ends all sessions.
class model_server {
  public:
    [[nodiscard]] model_state const& now() const noexcept { return states_.back(); }
    /// Commits a change.
    void commit(model_state next) {
        states_.push_back(std::move(next));
        if (states_.size() > states_max) {
            states_.erase(states_.begin());
        }
    }
    /// Loses the last `commits` commits: a standby that was behind is promoted.
    void fail_over(std::size_t commits) {
        auto const lost = std::min(commits, states_.size() - 1);
        states_.resize(states_.size() - lost);
        end_sessions();
    }
    void end_sessions() noexcept {
        ++epoch_;
        locked_.clear();
    }
    /// Sessions of another epoch have ended.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

    bool is_down = false; ///< refuses connections

    /// Rows that an open transaction has locked, and whose it is.
    [[nodiscard]] bool is_locked(storage::usage_key const& key, void const* session) const {
        auto const found = locked_.find(key);
        return found != locked_.end() && found->second != session;
    }
    void lock(storage::usage_key const& key, void const* session) { locked_[key] = session; }
    void unlock(void const* session) {
        std::erase_if(locked_, [session](auto const& each) { return each.second == session; });
    }

  private:
    static constexpr std::size_t states_max = 64;

    std::vector<model_state> states_{model_state{}};
    std::uint64_t epoch_ = 1;
    std::map<storage::usage_key, void const*> locked_;
};

/// What may go wrong in a request, as chance decides.
struct model_faults {
    /// Called before each request: other parts may run, and the process may be killed here.
    std::function<void()> interleave;
    /// True with this chance in a thousand.
    std::function<bool(unsigned per_mille)> chance;
    /// A situation that the checks count was met.
    std::function<void(char const*)> met;

    unsigned disconnect = 5;  ///< per mille, before a request
    unsigned lost_answer = 5; ///< per mille, to COMMIT
    unsigned lock_wait = 3;   ///< per mille: a time-out
};

/// batch_store over the model. A call with the hang-up cause "refused" breaks a CHECK; the server
/// names its row for every other one.
class model_store final : public storage::batch_store {
  public:
    model_store(model_server& server, model_faults const& faults)
        : server_{server}, faults_{faults} {}
    ~model_store() override { server_.unlock(this); }

    [[nodiscard]] std::uint64_t session() const noexcept override { return generation_; }
    storage::result load_usage(std::span<storage::usage_key const> keys,
                               std::vector<storage::usage_state>& out) override;
    storage::result load_metrics(std::span<storage::metric_row const> keys,
                                 std::vector<storage::metric_state>& out) override;
    storage::result counted_values(std::span<storage::unique_value_row const> values,
                                   std::vector<storage::unique_value_row>& out) override;
    storage::result stored_events(std::span<ingest::uuid const> ids,
                                  std::vector<storage::stored_event>& out) override;
    storage::result stored_calls(std::span<storage::call_key const> keys,
                                 std::vector<storage::stored_call>& out) override;
    storage::result still_waiting(std::span<ingest::uuid const> ids,
                                  std::vector<ingest::uuid>& out) override;
    storage::result lock_rows(std::span<storage::usage_delta const> usage,
                              std::span<storage::metric_row const> metrics) override;
    void roll_back() noexcept override;
    storage::result commit(storage::batch const& rows, storage::commit_counts& counts) override;
    storage::result is_committed(ingest::uuid const& batch_id, bool& out) override;
    storage::result ensure_cdr_days(std::span<std::int32_t const> days,
                                    std::vector<std::int32_t>& refused) override;
    storage::result ensure_event_days(std::span<storage::event_day const> days,
                                      std::vector<storage::event_day>& refused) override;
    void cancel() noexcept override {}

  private:
    storage::result request();
    storage::result open();
    storage::result apply(storage::batch const& rows, storage::commit_counts& counts,
                          model_state& next);
    static bool insert_calls(storage::batch const& rows, model_state& next);
    static void add_usage(storage::batch const& rows, model_state& next);

    model_server& server_;
    model_faults const& faults_;
    std::uint64_t epoch_ = 0; ///< of the open session; 0: none
    std::uint64_t generation_ = 0;
    bool in_transaction_ = false;
};

/// position_store over the model.
class model_positions final : public storage::position_store {
  public:
    model_positions(model_server& server, model_faults const& faults)
        : server_{server}, faults_{faults} {}

    storage::result load(std::string_view stream, std::uint64_t& position) override;
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override;
    storage::result forget(std::string_view stream) override;
    storage::result keep_decisions(std::string_view stream,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& link) override;
    storage::result load_decisions(std::string_view stream, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override;

  private:
    storage::result request();

    model_server& server_;
    model_faults const& faults_;
};

} // namespace tally::simulation
