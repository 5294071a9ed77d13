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
#include <tuple>
#include <utility>
#include <vector>

namespace tally::simulation {

/// A stored call as the checks need it.
struct model_call {
    std::string content; ///< content_of() the call
    ingest::uuid subscription_id;
    rating::int128 cost_nanos = 0;
    storage::stored_call columns;
};

/// A row of ingest.event_identities, with the cost of the event.
struct model_event {
    std::uint64_t content = 0;
    rating::int128 cost_nanos = 0;
};

struct model_usage {
    std::int64_t version = 0;
    std::int64_t calls = 0;
    std::int64_t included_s = 0;
    rating::int128 cost_nanos = 0;
};

/// A row of billing.subscription_metric_usage.
struct model_metric {
    std::int64_t version = 0;
    std::int64_t events = 0;
    rating::int128 total_nanos = 0;
    rating::int128 cost_nanos = 0;
    ingest::time_us last_usage = INT64_MIN;
};

/// Subscription, begin of the period, metric.
using metric_key = std::tuple<ingest::uuid, ingest::time_us, std::string>;
/// Source, payload.
using suspense_key = std::pair<ingest::uuid, std::string>;

/// What a PostgreSQL server has committed, as far as the pipeline uses it. Tables are maps;
/// constraints are what commit() of the store refuses.
struct model_state {
    std::map<storage::call_key, model_call> calls;
    std::map<ingest::uuid, model_event> events;
    std::map<suspense_key, ingest::record_error> suspense; ///< the reason
    std::set<ingest::uuid> batches;
    std::map<storage::usage_key, model_usage> usage;
    std::map<metric_key, model_metric> metrics;
    std::map<ingest::uuid, rating::int128> charges; ///< by account
    std::map<std::string, std::uint64_t> positions;
    std::map<std::string, std::map<std::uint64_t, storage::decided_range>> decisions;
};

storage::usage_key key_of(storage::usage_delta const& row);
metric_key key_of(storage::metric_row const& row);
storage::result lock_timeout();

/// Equal if and only if ingest::same_content says so.
std::string content_of(ingest::cdr const& call);

/// A deviation of the model from PostgreSQL, to show that the comparison finds it.
enum class model_flaw : std::uint8_t {
    none,
    forgets_chain,      ///< commits a batch although one that it rests on is missing
    takes_stale,        ///< overwrites usage rows of another version
    moves_over_loss,    ///< moves a position although a batch is missing
    keeps_half_a_batch, ///< the suspense rows of a refused batch stay
    locks_any_row,      ///< locks a row that another session created meanwhile
};

/// The server: its present state, the states it had, and its sessions. A failover goes back to an
/// earlier state and ends all sessions.
class model_server {
  public:
    [[nodiscard]] model_state const& now() const noexcept { return states_.back(); }
    /// Commits a change.
    void commit(model_state next) {
        if (before_commit) {
            before_commit(now(), next);
        }
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
        locked_calls_.clear();
    }
    /// Sessions of another epoch have ended.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

    bool is_down = false; ///< refuses connections
    /// Sees each change before it is there; may be empty.
    std::function<void(model_state const& before, model_state const& after)> before_commit;
    model_flaw flaw = model_flaw::none;

    /// Rows that an open transaction has locked, and whose it is.
    [[nodiscard]] bool is_locked(storage::usage_key const& key, void const* session) const {
        auto const found = locked_.find(key);
        return found != locked_.end() && found->second != session;
    }
    void lock(storage::usage_key const& key, void const* session) { locked_[key] = session; }
    /// Calls that an open transaction has written: another that writes them waits for its end.
    [[nodiscard]] bool is_locked(storage::call_key const& key, void const* session) const {
        auto const found = locked_calls_.find(key);
        return found != locked_calls_.end() && found->second != session;
    }
    void lock(storage::call_key const& key, void const* session) { locked_calls_[key] = session; }
    void unlock(void const* session) {
        auto const is_its = [session](auto const& each) { return each.second == session; };
        std::erase_if(locked_, is_its);
        std::erase_if(locked_calls_, is_its);
    }

  private:
    static constexpr std::size_t states_max = 64;

    std::vector<model_state> states_{model_state{}};
    std::uint64_t epoch_ = 1;
    std::map<storage::usage_key, void const*> locked_;
    std::map<storage::call_key, void const*> locked_calls_;
};

/// What may go wrong in a request, as chance decides.
struct model_faults {
    /// Called before each request: other parts may run, and the process may be killed here.
    std::function<void()> interleave;
    /// The request waits for a lock: other parts run.
    std::function<void()> wait;
    /// True with this chance in a thousand.
    std::function<bool(unsigned per_mille)> chance;
    /// A situation that the checks count was met.
    std::function<void(char const*)> met;
    /// A reader asks to move its position; may be empty.
    std::function<void(storage::position_move const&)> moves{};

    unsigned disconnect = 5;  ///< per mille, before a request
    unsigned lost_answer = 5; ///< per mille, to COMMIT
    unsigned lock_wait = 3;   ///< per mille: a time-out
    unsigned slow_lock = 300; ///< per mille: others run between the statements that lock
};

/// A connection as storage::pq_connection is one: it opens on demand; the first request in a
/// session that has ended fails, and the next one opens another.
class model_session {
  public:
    model_session(model_server& server, model_faults const& faults)
        : server_{server}, faults_{faults} {}

    /// Before each request. Other parts may run meanwhile, and the session may end.
    storage::result begin();
    /// The answer is lost, with the session.
    void lose() noexcept { epoch_ = 0; }
    /// The client finds out whether the session has ended.
    void notice_end() noexcept { epoch_ = is_alive() ? epoch_ : 0; }
    /// The server ends the session; the client does not know it yet.
    void end() noexcept { epoch_ = epoch_ == 0 ? 0 : ended; }
    /// As far as the client knows.
    [[nodiscard]] bool is_open() const noexcept { return epoch_ != 0; }
    [[nodiscard]] bool is_alive() const noexcept { return epoch_ == server_.epoch(); }
    /// How often it was opened.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    /// Whether it may open: not while a transaction is open (pq_connection::pin).
    bool is_pinned = false;

  private:
    model_server& server_;
    model_faults const& faults_;
    static constexpr std::uint64_t ended = UINT64_MAX;

    std::uint64_t epoch_ = 0; ///< of the open session; 0: none
    std::uint64_t generation_ = 0;
};

/// batch_store over the model. A call with the hang-up cause "refused" breaks a CHECK;
/// `names_rows`: whether the server's report names the row.
class model_store final : public storage::batch_store {
  public:
    model_store(model_server& server, model_faults const& faults)
        : server_{server}, faults_{faults}, session_{server, faults} {}
    ~model_store() override { server_.unlock(this); }

    [[nodiscard]] std::uint64_t session() const noexcept override { return session_.generation(); }
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
    storage::result write_ahead(storage::batch const& rows) override;
    [[nodiscard]] bool
    has_cdr_days(std::span<std::int32_t const> /*days*/) const noexcept override {
        return true;
    }
    storage::result commit(storage::batch const& rows, storage::commit_counts& counts) override;
    storage::expected<bool> is_committed(ingest::uuid const& batch_id) override;
    storage::result ensure_cdr_days(std::span<std::int32_t const> days,
                                    std::vector<std::int32_t>& refused) override;
    storage::result ensure_event_days(std::span<storage::event_day const> days,
                                      std::vector<storage::event_day>& refused) override;
    void cancel() noexcept override {}
    /// The server ends the session.
    void end_session() noexcept {
        session_.end();
        server_.unlock(this);
    }

    bool names_rows = true;

  private:
    storage::result request();
    storage::result open(storage::batch const& rows);
    bool wait_for(storage::usage_key const& key);
    bool wait_for(storage::call_key const& key);
    template <typename Key>
    bool wait_until_free(Key const& key);
    storage::result wait_for_usage(storage::batch const& rows);
    storage::result wait_for_calls(std::span<storage::cdr_row const> calls);
    storage::result lock_usage(std::vector<storage::usage_key> keys);
    storage::result apply(storage::batch const& rows, storage::commit_counts& counts,
                          model_state& next);
    storage::result open_batch(storage::batch const& rows, storage::commit_counts& counts,
                               model_state& next);
    void add_created(model_state& next) const;
    static storage::result check_rows(std::span<storage::cdr_row const> calls,
                                      std::uint32_t& refused);
    static storage::result copy_calls(std::span<storage::cdr_row const> calls, model_state& next,
                                      std::uint32_t& refused);
    static std::size_t insert_calls(std::span<storage::cdr_row const> calls, model_state& next);
    static bool insert_events(storage::batch const& rows, model_state& next);
    static void add_usage(storage::batch const& rows, model_state& next);

    model_server& server_;
    model_faults const& faults_;
    model_session session_;
    std::vector<storage::usage_key> created_usage_; ///< rows that lock_rows() will have made
    std::vector<metric_key> created_metrics_;
    std::vector<storage::cdr_row> ahead_; ///< of the open transaction
    bool is_outdated_ = false;            ///< some usage row of the batch had another version
};

/// position_store over the model.
class model_positions final : public storage::position_store {
  public:
    model_positions(model_server& server, model_faults const& faults)
        : server_{server}, faults_{faults}, session_{server, faults} {}

    storage::expected<std::uint64_t> load(std::string_view stream) override;
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override;
    storage::expected<bool> has_ends(std::span<storage::stream_end const> ends) override;
    storage::result forget(std::string_view stream) override;
    storage::result keep_decisions(std::string_view stream,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& link) override;
    storage::result load_decisions(std::string_view stream, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override;
    /// The server ends the session.
    void end_session() noexcept { session_.end(); }

  private:
    storage::result end(model_state next);

    model_server& server_;
    model_faults const& faults_;
    model_session session_;
};

} // namespace tally::simulation
