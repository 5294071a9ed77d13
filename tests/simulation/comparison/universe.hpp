#pragma once

#include "storage/batch/batch.hpp"
#include "storage/batch/batch_store.hpp"
#include "tests/simulation/comparison/real_server.hpp"
#include "tests/simulation/model_server.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/event_maker.hpp"

#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tally::simulation {

/// The records, rows and streams that one sequence of requests is about; no other sequence has
/// their keys. Makes random batches of them, and reads what has become of them.
class universe {
  public:
    universe(real_server const& real, std::uint32_t number, std::mt19937_64& random);

    /// A batch with a new id that expects these versions of the usage and metric rows, or others.
    storage::batch make_batch(model_state const& before);
    /// The same rows with a new id.
    storage::batch with_new_id(storage::batch rows);
    [[nodiscard]] std::vector<storage::usage_key> usage_keys() const;
    [[nodiscard]] std::vector<storage::call_key> call_keys() const;
    [[nodiscard]] std::vector<storage::metric_row> metric_keys() const;
    [[nodiscard]] std::vector<ingest::uuid> event_ids() const;
    [[nodiscard]] std::string stream() { return streams_[random_() % streams_.size()]; }
    /// An id of a batch, or of none.
    [[nodiscard]] ingest::uuid batch_id();
    /// An id for a link of a chain.
    ingest::uuid new_id();

    /// What is stored, a line for each row, sorted.
    [[nodiscard]] std::vector<std::string> look(model_state const& state) const;
    [[nodiscard]] std::vector<std::string> look_real() const;

  private:
    bool chance(unsigned per_mille) { return random_() % 1000 < per_mille; }
    void add_call(storage::batch& target, model_state const& before);
    void add_event(storage::batch& target, model_state const& before);
    void add_suspense(storage::batch& target);
    storage::usage_delta& usage_of(storage::batch& target, std::size_t account,
                                   model_state const& before);
    [[nodiscard]] storage::metric_row blank_metric(std::size_t account) const;
    std::int64_t expected(std::int64_t version);
    [[nodiscard]] std::vector<std::string> read_balances() const;

    real_server const& real_;
    std::uint32_t number_;
    std::mt19937_64& random_;
    ingest::time_us period_start_;
    ingest::time_us period_end_;
    tests::call_maker calls_;
    tests::event_maker events_;
    std::deque<ingest::cdr> kept_calls_; ///< the batches view them
    std::deque<ingest::event> kept_events_;
    std::vector<std::string> streams_;
    std::vector<ingest::uuid> ids_;
    std::vector<std::string> balances_before_;
};

} // namespace tally::simulation
