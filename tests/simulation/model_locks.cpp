#include "tests/simulation/model_server.hpp"

#include <algorithm>

// How the model's transactions lock the rows that they will change.

namespace tally::simulation {

using storage::failure;
using storage::result;

namespace {

/// How often a request looks at a locked row before its lock time-out.
constexpr int lock_looks_max = 5;

} // namespace

storage::usage_key key_of(storage::usage_delta const& row) {
    return {row.subscription_id, row.period_start};
}

metric_key key_of(storage::metric_row const& row) {
    return {row.subscription_id, row.period_start, std::string{row.metric}};
}

result lock_timeout() {
    return {failure::transient, "55P03", "lock time-out"};
}

/// False: the lock time-out, or the session ended meanwhile.
template <typename Key>
bool model_store::wait_until_free(Key const& key) {
    for (int looks = 0; looks < lock_looks_max && server_.is_locked(key, this); ++looks) {
        faults_.met("lock wait");
        faults_.wait();
    }
    return !server_.is_locked(key, this) && session_.is_alive();
}

bool model_store::wait_for(storage::usage_key const& key) {
    return wait_until_free(key);
}

bool model_store::wait_for(storage::call_key const& key) {
    return wait_until_free(key);
}

/// The statement does not see a row that has another version when it begins, and does not wait for
/// it.
result model_store::wait_for_usage(storage::batch const& rows) {
    auto const version_of = [this](auto const& key) -> std::int64_t {
        auto const found = server_.now().usage.find(key);
        bool const is_own = std::ranges::find(created_usage_, key) != created_usage_.end();
        return found != server_.now().usage.end() ? found->second.version : is_own ? 1 : 0;
    };
    std::vector<storage::usage_key> keys;
    is_outdated_ = false;
    for (auto const& each : rows.usage) {
        if (version_of(key_of(each)) == each.expected_version) {
            keys.push_back(key_of(each));
        } else {
            is_outdated_ = true;
        }
    }
    bool const is_free =
        std::ranges::all_of(keys, [this](auto const& key) { return wait_for(key); });
    return is_free ? result{} : lock_timeout();
}

/// Two statements: the first locks the rows that it sees, the second creates the others. A row that
/// comes into being between the two is neither locked nor created.
result model_store::lock_usage(std::vector<storage::usage_key> keys) {
    std::ranges::sort(keys); // as every session does
    auto const missing = std::ranges::stable_partition(
        keys, [this](auto const& key) { return server_.now().usage.contains(key); });
    for (auto const& key : std::ranges::subrange(keys.begin(), missing.begin())) {
        if (!wait_for(key)) {
            return lock_timeout();
        }
        server_.lock(key, this);
    }

    faults_.interleave();
    if (!missing.empty() && faults_.chance(faults_.slow_lock)) {
        faults_.wait();
    }
    for (auto const& key : missing) {
        if (!wait_for(key)) { // for the INSERT of another session
            return lock_timeout();
        }
        if (server_.now().usage.contains(key) && server_.flaw != model_flaw::locks_any_row) {
            faults_.met("row created before it was locked");
            return {failure::stale, {}, "usage rows have been created meanwhile"};
        }
        server_.lock(key, this);
        created_usage_.push_back(key);
    }
    return session_.is_alive() ? result{} : lock_timeout();
}

result model_store::lock_rows(std::span<storage::usage_delta const> usage,
                              std::span<storage::metric_row const> metrics) {
    if (usage.empty() && metrics.empty()) {
        return {};
    }
    bool const was_open = session_.is_open();
    if (result status = request(); !status.ok()) {
        if (was_open) {
            roll_back();
        }
        return status;
    }
    created_usage_.clear();
    created_metrics_.clear();

    std::vector<storage::usage_key> keys;
    for (auto const& each : usage) {
        keys.push_back(key_of(each));
    }
    if (result status = lock_usage(std::move(keys)); !status.ok()) {
        roll_back();
        return status;
    }

    // A metric's row changes only with the usage row of its period, whose lock covers it.
    for (auto const& each : metrics) {
        if (!server_.now().metrics.contains(key_of(each))) {
            created_metrics_.push_back(key_of(each));
        }
    }
    session_.is_pinned = true;
    return {};
}

void model_store::roll_back() noexcept {
    session_.notice_end(); // ROLLBACK is a request
    server_.unlock(this);
    session_.is_pinned = false;
    created_usage_.clear();
    created_metrics_.clear();
    ahead_.clear();
}

/// The rows that lock_rows() made, in the transaction that commits.
void model_store::add_created(model_state& next) const {
    for (auto const& key : created_usage_) {
        next.usage.try_emplace(key, model_usage{.version = 1});
    }
    for (auto const& key : created_metrics_) {
        next.metrics.try_emplace(key, model_metric{.version = 1});
    }
}

} // namespace tally::simulation
